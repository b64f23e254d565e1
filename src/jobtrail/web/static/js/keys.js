// The keyboard: single keys go places and act on rows; they can be switched off (WCAG 2.1.4).
import { copy } from "./acts.js";
import { page, taste, toast } from "./here.js";
import { pause } from "./live.js";

const GO = { o: "/", j: "/jobs", e: "/errors", a: "/approvals", f: "/files", k: "/tasks", q: "/queues", w: "/workers", s: "/schedules", d: "/scheduled", y: "/types", c: "/cost" };
const SHEET = [
  ["Ctrl K", "go anywhere"], ["?", "these keys"], ["g then o j e a f k q w s d y c", "Overview, Jobs, Errors, Approvals, Files, Tasks, Queues, Workers, Schedules, Scheduled, Types, Cost"],
  ["/", "to the filter"], ["j k", "next, previous row"], ["x", "mark the row"], ["n", "show the new rows"], ["Enter", "open the row"], ["Esc", "back, close"],
  ["1–6", "parts of a job"], ["r", "retry"], ["R", "rerun with edits"], ["c", "cancel"], ["y", "copy the link"], ["Y", "copy the command"],
  ["f", "follow the log"], ["e E", "next, previous error in the log"], ["p", "pause live updates"], ["t", "light or dark"],
];
let going = false;

export function theme() {
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  taste.set("theme", root.dataset.theme);
}

const rows = () => [...document.querySelectorAll("[data-row]")];
const chosen = () => document.querySelector('[data-row][aria-selected="true"]');

function choose(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(chosen());
  const next = all[Math.max(0, Math.min(all.length - 1, at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step))];
  all.forEach((row) => row.setAttribute("aria-selected", String(row === next)));
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a[href]")?.focus({ preventScroll: true });
}

function press(key) {
  const button = document.querySelector(`[data-key="${CSS.escape(key)}"]:not([disabled])`);
  button?.click();
  return Boolean(button);
}

function twin() {
  const said = document.querySelector("[data-cli-view]")?.dataset.cliView ?? document.querySelector("form[data-cli]")?.dataset.cli;
  if (said) copy(said);
  else toast("This view has no command of its own.");
}

const ALONE = {
  "?": () => document.getElementById("keys").showModal(),
  "/": () => document.querySelector(".filter, [data-filter]")?.focus(),
  j: () => choose(1),
  k: () => choose(-1),
  x: () => chosen()?.querySelector("input[type=checkbox]")?.click(),
  y: () => copy(location.href),
  Y: twin,
  p: () => pause(),
  t: theme,
};

function handle(event) {
  if ((event.metaKey || event.ctrlKey) && event.key === "k") {
    event.preventDefault();
    document.dispatchEvent(new CustomEvent("jobtrail:palette"));
    return;
  }
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || taste.get("keys") === "off") return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (going) {
    going = false;
    if (GO[event.key]) location.assign(page(GO[event.key]));
    return;
  }
  if (event.key === "g") {
    going = true;
    setTimeout(() => { going = false; }, 1500);
  } else if (event.key === "Escape") {
    document.querySelector("[data-back]")?.click();
  } else if (/^[1-9]$/.test(event.key)) {
    document.querySelector(`[data-tab="${event.key}"]`)?.click();
  } else if (event.key === "Enter" && chosen() && event.target === document.body) {
    chosen().querySelector("a[href]")?.click();
  } else if (press(event.key)) {
    event.preventDefault();
  } else if (ALONE[event.key]) {
    event.preventDefault();
    ALONE[event.key]();
  }
}

document.addEventListener("keydown", handle);
document.getElementById("theme")?.addEventListener("click", theme);
document.getElementById("open-keys")?.addEventListener("click", () => document.getElementById("keys").showModal());
document.getElementById("open-palette")?.addEventListener("click", () => document.dispatchEvent(new CustomEvent("jobtrail:palette")));

const list = document.getElementById("keys-list");
for (const [key, says] of list ? SHEET : []) {
  const line = document.createElement("div");
  const box = document.createElement("kbd");
  box.textContent = key;
  line.append(box, ` ${says}`);
  list.append(line);
}
const off = document.getElementById("keys-off");
if (off) {
  off.checked = taste.get("keys") === "off";
  off.addEventListener("change", () => taste.set("keys", off.checked ? "off" : "on"));
}
