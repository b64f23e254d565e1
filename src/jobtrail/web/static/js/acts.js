// Whatever changes something: forms that are sent to the API as JSON, with what was wrong shown where it was wrong.
import { ask, toast } from "./here.js";
import { refresh } from "./live.js";
import { parse, whole } from "./values.js";

/** The body that a form's fields make. Raises an Error that names the field. */
export function bodyOf(form) {
  const body = form.dataset.body ? parse(form.dataset.body) : {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if ((field.type === "checkbox" && field.dataset.as !== "bool") || field.type === "radio") {
      if (!field.checked) continue;
    }
    const value = valueOf(field);
    if (value !== undefined) put(body, field.name.split("."), value, field.dataset.as === "list" && field.type === "checkbox");
  }
  return body;
}

function valueOf(field) {
  if (field.dataset.as === "bool") return field.type === "checkbox" ? field.checked : field.value === "true";
  if (field.type === "select-multiple") return [...field.selectedOptions].map((one) => one.value);
  const text = field.value.trim();
  if (text === "") return field.dataset.empty === "keep" ? "" : undefined;
  switch (field.dataset.as) {
    case "number": case "seconds": return number(field, text);
    case "json": return json(field, text);
    case "list": return field.type === "checkbox" ? text : text.split(",").map((part) => part.trim()).filter(Boolean);
    case "time": return new Date(text).toISOString();
    default: return field.value;
  }
}

function number(field, text) {
  const value = whole(text) ?? Number(text);
  if (typeof value === "number" && !Number.isFinite(value)) throw Object.assign(new Error("this must be a number"), { field: field.name });
  return value;
}

function json(field, text) {
  try { return parse(text); } catch (error) { throw Object.assign(new Error(`not JSON: ${error.message}`), { field: field.name }); }
}

function put(body, path, value, many) {
  const last = path.at(-1);
  let at = body;
  for (const part of path.slice(0, -1)) at = own(at, part, () => ({}));
  if (many) own(at, last, () => []).push(value);
  else own(at, last, () => value, true);
}

/** A part of what is being made itself, whatever it is called: never of what all objects have. */
function own(at, name, make, anew = false) {
  if (anew || !Object.hasOwn(at, name)) Object.defineProperty(at, name, { value: make(), enumerable: true, configurable: true, writable: true });
  return at[name];
}

function clear(form) {
  form.querySelectorAll(".wrong").forEach((one) => one.remove());
  form.querySelectorAll("[data-wrong]").forEach((one) => delete one.dataset.wrong);
  form.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
  const box = form.querySelector("[role=alert]");
  if (box) box.hidden = true;
}

function wrong(form, path, message) {
  const field = [...form.elements].find((one) => one.name && (path === one.name || path.startsWith(`${one.name}.`)));
  const box = field?.closest(".field");
  if (!box) return false;
  const text = document.createElement("p");
  text.className = "wrong";
  text.textContent = message;
  box.append(text);
  box.dataset.wrong = "";
  field.setAttribute("aria-invalid", "true");
  box.addEventListener("input", () => {
    text.remove();
    delete box.dataset.wrong;
    field.removeAttribute("aria-invalid");
  }, { once: true });
  return true;
}

function complain(form, problem) {
  const told = (problem.errors ?? []).filter((one) => wrong(form, one.path, one.message));
  const box = form.querySelector("[role=alert]");
  if (!box) {
    toast(problem.detail, true, 10);
  } else if (!told.length || told.length < (problem.errors ?? []).length) {
    box.textContent = problem.detail;
    box.hidden = false;
  }
  form.querySelector("[data-wrong] :is(input, textarea, select)")?.focus();
}

async function send(form) {
  clear(form);
  let body;
  try {
    body = bodyOf(form);
  } catch (error) {
    complain(form, { detail: error.message, errors: [{ path: error.field ?? "", message: error.message }] });
    return;
  }
  const [method, address] = form.dataset.api.split(" ");
  const buttons = [...form.querySelectorAll("button[type=submit]")].filter((one) => !one.disabled);
  buttons.forEach((one) => { one.disabled = true; });
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await ask(method, address, method === "DELETE" ? undefined : body);
    done(form, answer);
  } catch (problem) {
    if (problem instanceof Error) throw problem;
    complain(form, problem);
  } finally {
    buttons.forEach((one) => { one.disabled = false; });
    form.removeAttribute("aria-busy");
  }
}

function done(form, answer) {
  form.dispatchEvent(new CustomEvent("jobtrail:done", { bubbles: true, detail: { answer } }));
  form.closest("dialog")?.close();
  const [then, where] = split(form.dataset.then ?? "refresh");
  if (then === "goto") location.assign(where.replace(/\{([\w.]+)\}/g, (_all, path) => encodeURIComponent(pick(answer, path))));
  else if (then === "reload") location.reload();
  else if (then === "secret") once(pick(answer, where));
  else if (then === "refresh") {
    toast(form.dataset.said ?? `Done: ${form.querySelector("button[type=submit]")?.textContent.trim() ?? ""}`);
    refresh();
  }
}

const split = (text) => [text.split(":", 1)[0], text.slice(text.indexOf(":") + 1)];
const pick = (value, path) => path.split(".").reduce((at, part) => at?.[part], value) ?? "";

/** Shows what is told this once: a key, a secret. The page is asked anew when it has been put away. */
function once(secret) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Told this once");
  const text = document.createElement("p");
  text.textContent = "This is shown once and kept nowhere. Copy it now.";
  const code = document.createElement("pre");
  code.textContent = secret;
  code.tabIndex = 0;
  const row = document.createElement("div");
  row.className = "row";
  const take = Object.assign(document.createElement("button"), { className: "btn btn-main", textContent: "Copy" });
  take.addEventListener("click", () => copy(secret));
  const close = Object.assign(document.createElement("button"), { className: "btn", textContent: "I have it" });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => location.reload());
  row.append(take, close);
  dialog.append(text, code, row);
  document.body.append(dialog);
  dialog.showModal();
}

function sure(form) {
  const dialog = document.createElement("dialog");
  const text = document.createElement("p");
  text.textContent = form.dataset.confirm;
  const twin = document.createElement("p");
  const code = document.createElement("code");
  code.textContent = form.dataset.cli ?? "";
  twin.append(code);
  const row = document.createElement("div");
  row.className = "row";
  for (const [label, value, style] of [["Not now", "", "btn"], [form.querySelector("button[type=submit]").textContent.trim(), "yes", "btn btn-danger"]]) {
    const button = document.createElement("button");
    button.className = style;
    button.textContent = label;
    button.addEventListener("click", () => dialog.close(value));
    row.append(button);
  }
  dialog.setAttribute("aria-label", form.dataset.confirm);
  dialog.append(text, twin, row);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((answered) => {
    dialog.addEventListener("close", () => { dialog.remove(); answered(dialog.returnValue === "yes"); });
  });
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-api]");
  if (!form) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") === "true") return;
  if (form.dataset.confirm && !(await sure(form))) return;
  await send(form);
});

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.open);
    dialog?.showModal();
    dialog?.querySelector("input, textarea, select")?.focus();
    return;
  }
  const copier = event.target.closest("[data-copy]");
  if (copier) await copy(copier.dataset.copy);
});

/** Puts a text on the clipboard, also on plain HTTP, where browsers have no clipboard to offer. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = document.createElement("textarea");
    box.value = text;
    box.setAttribute("aria-hidden", "true");
    (document.querySelector("dialog[open]") ?? document.body).append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  toast(`Copied: ${text.length > 80 ? `${text.slice(0, 80)}…` : text}`, false, 3);
}
