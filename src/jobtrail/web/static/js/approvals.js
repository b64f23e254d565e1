// Questions to people: a decision with what was filled in, who was faster, how many wait, and word of new ones.
import { bodyOf } from "./acts.js";
import { ask, prefix, taste, toast } from "./here.js";
import { isPaused, refresh } from "./live.js";

const LOOK_MS = 20_000;
const NEAR_MS = 10 * 60_000;
const title = document.title.replace(/^\(\S+\) /, "");
const waiting = () => document.getElementById("waiting");
const seen = new Set(cards().map((card) => card.dataset.gate));

function cards() {
  return [...document.querySelectorAll("#waiting [data-gate].gate")];
}

const quoted = (text) => (/^[\w.:@/+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const answers = (form) => [...form.elements].filter((field) => field.name === "form" || field.name?.startsWith("form."));

function changed(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName === "SELECT") return [...field.options].some((one) => one.selected !== one.defaultSelected) && !(field.selectedIndex === 0 && ![...field.options].some((one) => one.defaultSelected));
  return field.value !== field.defaultValue;
}

/** The same decision as a command. */
function twin(form, verb, body) {
  const words = [`jobtrail gate ${verb} ${form.dataset.cli.split(" ").at(-1)}`];
  const said = body.form !== null && typeof body.form === "object" && !Array.isArray(body.form) ? body.form : {};
  for (const [name, value] of Object.entries(said)) {
    words.push(typeof value === "string" ? `${quoted(name)}=${quoted(value)}` : `${quoted(name)}:=${quoted(JSON.stringify(value))}`);
  }
  if (body.comment) words.push(`-m ${quoted(body.comment)}`);
  return words.join(" ");
}

function show(form) {
  form.querySelector(".with-changes").hidden = !answers(form).some(changed);
  let body;
  try { body = bodyOf(form); } catch { return; }
  const text = twin(form, "approve", body);
  form.querySelector("[data-cli-shown]").textContent = text;
  form.querySelector("[data-copy]").dataset.copy = text;
}

function complain(form, text, name) {
  const box = form.querySelector("[role=alert]");
  box.textContent = text;
  box.hidden = false;
  if (name) form.elements[name]?.focus();
}

async function decide(form, verb) {
  form.querySelector("[role=alert]").hidden = true;
  let body;
  try {
    body = bodyOf(form);
  } catch (error) {
    complain(form, error.message, error.field);
    return;
  }
  if (verb === "reject") delete body.form;
  form.setAttribute("aria-busy", "true");
  const buttons = [...form.querySelectorAll("button[type=submit]")];
  buttons.forEach((one) => { one.disabled = true; });
  try {
    const answer = await ask("POST", `${form.dataset.decide}/${verb}`, body);
    const rest = answer.status === "WAITING" ? "; more must approve" : "";
    toast(`${verb === "approve" ? "Approved" : "Rejected"}${rest}.`);
    refresh();
  } catch (problem) {
    if (problem instanceof Error) throw problem;
    if (problem.status === 409) await outrun(form, problem);
    else complain(form, problem.detail);
  } finally {
    buttons.forEach((one) => { one.disabled = false; });
    form.removeAttribute("aria-busy");
  }
}

/** Somebody was faster: that is no error, but who it was should be known. */
async function outrun(form, problem) {
  const found = await ask("GET", form.dataset.decisions).catch(() => null);
  const last = found?.items.at(-1);
  toast(last ? `${last.actor_id} was faster: it is ${last.approved ? "approved" : "rejected"} already.` : problem.detail, false, 10);
  document.activeElement?.blur();
  refresh();
}

function count(n) {
  document.title = n ? `(${n}) ${title}` : title;
}

function fresh() {
  for (const form of document.querySelectorAll("form[data-decide]")) show(form);
  for (const one of document.querySelectorAll("[data-deadline]")) {
    one.toggleAttribute("data-near", new Date(one.dataset.deadline) - Date.now() < NEAR_MS);
  }
  if (!waiting() || !button) return;
  count(Number(waiting().dataset.count));
  cards().forEach((card) => seen.add(card.dataset.gate));
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-decide]");
  if (!form) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy") !== "true") decide(form, event.submitter?.value === "reject" ? "reject" : "approve");
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-decide]");
  if (form) show(form);
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form[data-decide]");
  if (!form || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  form.requestSubmit(form.querySelector('button[value="approve"]'));
});
document.addEventListener("jobtrail:fresh", fresh);

// Word of new questions while nobody looks at this page: only when somebody has asked for it here.
const button = document.getElementById("ask-to-notify");
const wanted = () => taste.get("notify") === "on" && typeof Notification !== "undefined" && Notification.permission === "granted";

function offer() {
  if (!button || typeof Notification === "undefined") return;
  button.hidden = Notification.permission === "denied";
  button.setAttribute("aria-pressed", String(wanted()));
  button.textContent = wanted() ? "Stop notifying me" : "Notify me of new questions";
}

button?.addEventListener("click", async () => {
  if (wanted()) taste.set("notify", "off");
  else if ((await Notification.requestPermission()) === "granted") taste.set("notify", "on");
  offer();
});

async function look() {
  if (!document.hidden || !wanted() || isPaused()) return;
  const found = await ask("GET", `${prefix}/api/v1/gates?limit=100`).catch(() => null);
  if (!found) return;
  count(found.items.length);
  for (const gate of found.items.filter((one) => !seen.has(one.id))) {
    seen.add(gate.id);
    const note = new Notification("A job asks", { body: gate.question.slice(0, 200), tag: gate.id });
    note.addEventListener("click", () => { window.focus(); note.close(); });
  }
}

offer();
fresh();
if (button) setInterval(look, LOOK_MS);
