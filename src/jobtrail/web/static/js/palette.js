// The palette: a screen by its name, jobs by a filter or an id, and what can be done on this page.
import { ask, page, prefix } from "./here.js";

const dialog = document.getElementById("palette");
const input = document.getElementById("palette-input");
const list = document.getElementById("palette-list");
let choices = [];
let at = 0;
let looked = null;

const screens = () => [...document.querySelectorAll(".side a")].map((link) => ({ name: link.firstChild.textContent.trim(), does: () => location.assign(link.href), hint: "screen" }));
const acts = () => [...document.querySelectorAll("main form[data-api] button[type=submit]:not([disabled]), main [data-open]:not([disabled])")]
  .filter((one) => one.offsetParent)
  .slice(0, 12)
  .map((one) => ({ name: one.textContent.trim(), does: () => one.click(), hint: one.closest("form")?.dataset.cli ?? "on this page" }));

function found(text) {
  const low = text.trim().toLowerCase();
  const all = [...screens(), ...acts()].filter((one) => one.name.toLowerCase().includes(low));
  if (low) all.push({ name: `Jobs: ${text.trim()}`, does: () => location.assign(page(`/jobs?q=${encodeURIComponent(text.trim())}`)), hint: "filter" });
  return all;
}

async function byId(text) {
  const digits = text.trim().toLowerCase().replaceAll("-", "");
  if (!/^[0-9a-f]{4,32}$/.test(digits)) return;
  const asked = (looked = {});
  const answer = await ask("GET", `${prefix}/api/v1/job-ids?digits=${digits}`).catch(() => null);
  if (looked !== asked || !answer) return;
  choices = [...answer.items.map((id) => ({ name: `Job ${id}`, does: () => location.assign(page(`/jobs/${id}`)), hint: "job" })), ...choices];
  draw();
}

function draw() {
  at = Math.max(0, Math.min(at, choices.length - 1));
  list.replaceChildren(...choices.map((one, index) => {
    const line = document.createElement("li");
    line.id = `palette-${index}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", String(index === at));
    const hint = document.createElement("span");
    hint.className = "dim mono";
    hint.textContent = one.hint;
    const space = document.createElement("span");
    space.className = "space";
    line.append(one.name, space, hint);
    line.addEventListener("click", () => pick(one));
    return line;
  }));
  input.setAttribute("aria-activedescendant", choices.length ? `palette-${at}` : "");
  document.getElementById(`palette-${at}`)?.scrollIntoView({ block: "nearest" });
}

function pick(one) {
  dialog.close();
  one.does();
}

function look() {
  looked = null;
  choices = found(input.value);
  at = 0;
  draw();
  byId(input.value);
}

document.addEventListener("jobtrail:palette", () => {
  if (dialog.open) return;
  input.value = "";
  dialog.showModal();
  look();
});
input?.addEventListener("input", look);
input?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    at += event.key === "ArrowDown" ? 1 : -1;
    draw();
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (choices[at]) pick(choices[at]);
  }
});
