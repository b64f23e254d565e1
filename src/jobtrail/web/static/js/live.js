// Keeps a page true: parts with data-live are asked for again when what they show has changed, and put in their place.
// The pill says how true the page is. Pause means that nothing is asked for at all.
import { file, page, workspace } from "./here.js";

const pill = document.getElementById("pill");
const EVERY_MS = 5_000;
const ANSWER_MS = 20_000;
const HELD_MS = 1_500;
const SILENT_MS = 20_000;
const SETTLED_MS = 2_500;
const dirty = new Set();
const askedAt = new Map();
const settling = new Map();
const holding = new Map();
let state = "connecting";
let paused = sessionStorage.getItem("jobtrail.paused") === "yes";
let asOf = new Date();
let retryAt = 0;
let busy = false;
let failures = 0;
let port = null;
let timer = null;
let told = performance.now();

const clock = (at) => at.toLocaleTimeString([], { hour12: false });

function show() {
  if (!pill) return;
  const texts = {
    live: "● live",
    connecting: "○ connecting",
    away: `◌ reconnecting ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s`,
    polling: "⟳ every 5 s",
  };
  let shown = paused ? "paused" : state;
  if (!paused && failures) shown = "away";
  pill.dataset.state = shown;
  pill.setAttribute("aria-pressed", String(paused));
  const text = paused ? `‖ paused · as of ${clock(asOf)}` : failures ? `◌ as of ${clock(asOf)}, retrying` : texts[shown];
  const box = document.getElementById("pill-text");
  if (box.textContent !== text) box.textContent = text;
  document.body.toggleAttribute("data-stale", failures > 0);
}

const regions = () => [...document.querySelectorAll("[data-live][id]")];

function wanted(region, changes) {
  const what = region.dataset.live;
  if (what.startsWith("job:")) return changes.more || changes.jobs.some(([id]) => id === what.slice(4));
  return what === "jobs" || what === "gates";
}

function changed(changes) {
  for (const region of regions()) {
    if (!wanted(region, changes)) continue;
    dirty.add(region.id);
    settle(region.id);
  }
  const jobs = new Map(changes.jobs.map(([id, seq, status, type, jobType]) => [id, { seq, status, type, jobType }]));
  document.dispatchEvent(new CustomEvent("jobtrail:changes", { detail: { ...changes, jobs } }));
  soon();
}

/** Asks once more when it has become quiet: what many ask for is read once in two seconds, and may be from before the change. */
function settle(id) {
  clearTimeout(settling.get(id));
  settling.set(id, setTimeout(() => { settling.delete(id); dirty.add(id); soon(); }, SETTLED_MS));
}

/** Asks when the first of the parts may be asked for again: a part that is slow keeps no other one waiting. */
function soon() {
  clearTimeout(timer);
  if (busy || paused || document.hidden || !dirty.size) return;
  const now = performance.now();
  const waits = [...dirty].map((id) => {
    const pace = Number(document.getElementById(id)?.dataset.pace ?? 1000);
    return (askedAt.get(id) ?? -pace) + pace - now;
  });
  timer = setTimeout(fetchDue, Math.max(0, Math.min(...waits)));
}

async function fetchDue() {
  const now = performance.now();
  const due = [...dirty].filter((id) => {
    const region = document.getElementById(id);
    if (!region) { dirty.delete(id); return false; }
    if (held(region)) { later(id); return false; }
    return now - (askedAt.get(id) ?? -1e9) >= Number(region.dataset.pace ?? 1000) - 5;
  });
  if (due.length) await fetchRegions(due);
  soon();
}

/** Where the page asks for its parts: its own address, and what a module said in data-asks of what it shows. */
function address() {
  const more = document.querySelector("[data-asks]")?.dataset.asks;
  const own = new URL(location.href);
  own.hash = "";
  if (more) for (const [name, value] of new URLSearchParams(more)) own.searchParams.set(name, value);
  return own.pathname + own.search;
}

async function fetchRegions(ids) {
  busy = true;
  const at = new Date();
  const now = performance.now();
  ids.forEach((id) => { dirty.delete(id); askedAt.set(id, now); });
  try {
    const answer = await fetch(address(), { headers: { "Jobtrail-Region": ids.join(" "), Accept: "text/html" }, redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (paused) return;
    const late = ids.filter((id) => held(document.getElementById(id)));
    if (late.length) { late.forEach(later); ids.forEach((id) => holding.has(id) || dirty.add(id)); return; }
    await htmx.swap({ sourceElement: document.body, target: document.body, text, swap: "none" });
    document.dispatchEvent(new CustomEvent("jobtrail:fresh", { detail: { root: document, ids } }));
    failures = 0;
    asOf = at;
  } catch {
    failures += 1;
    ids.forEach((id) => dirty.add(id));
    await new Promise((go) => setTimeout(go, Math.min(1000 * 2 ** failures, 15_000)));
  } finally {
    busy = false;
    show();
  }
}

/** Whether somebody is writing in a part, or choosing: then it stays as it is until they are done. */
function held(region) {
  const at = document.activeElement;
  const writes = region?.contains(at) && at.matches("input:not([type=checkbox]):not([type=range]), textarea, select");
  return Boolean(writes || region?.querySelector("dialog[open]"));
}

function later(id) {
  dirty.delete(id);
  if (holding.has(id)) return;
  holding.set(id, setTimeout(() => { holding.delete(id); dirty.add(id); soon(); }, HELD_MS));
}

/** Asks for all living parts now, as after something was done here, and once more when it has become quiet. */
export function refresh() {
  for (const { id } of regions()) {
    dirty.add(id);
    askedAt.delete(id);
    settle(id);
  }
  soon();
}

export function pause(on = !paused) {
  paused = on;
  sessionStorage.setItem("jobtrail.paused", on ? "yes" : "no");
  if (on) { leave(); clearTimeout(timer); }
  else { join(); refresh(); }
  show();
}

export const isPaused = () => paused;

function heard({ data }) {
  told = performance.now();
  if (data.state) {
    state = data.state;
    retryAt = Date.now() + (data.retry ?? 0);
  }
  if (data.fresh) refresh();
  if (data.changes) changed(data.changes);
  show();
}

const stream = page("/live");
const lock = `jobtrail-tab-${crypto.randomUUID?.() ?? Math.random()}`;
let locked = false;
// Held as long as this tab lives: by this a shared worker finds those that died without a word. It is told the name only
// when the lock is held: a worker that came first would take the tab for dead.
navigator.locks?.request(lock, () => {
  locked = true;
  port?.postMessage({ lock });
  return new Promise(() => {});
}).catch(() => {});
let joined = false;
let since = performance.timeOrigin - SETTLED_MS; // what the page shows may be as old as what is read for all

/** From here on it is told what changed, and what did since the page was asked for. */
function join() {
  if (joined || paused || !workspace) return;
  joined = true;
  if (!port) open();
  told = performance.now();
  port.postMessage({ join: stream, since, lock: locked ? lock : undefined });
  since = Infinity;
}

function leave() {
  if (!joined) return;
  joined = false;
  port?.postMessage({ leave: true });
}

/** A shared worker may end without a word; who is silent for long is left for a new one. */
function listen() {
  if (!joined || document.hidden) return;
  port.postMessage({ ask: true });
  if (performance.now() - told < SILENT_MS) return;
  leave();
  port.close();
  port = null;
  state = "connecting";
  join();
  refresh();
}

function open() {
  if (typeof SharedWorker !== "undefined") {
    const worker = new SharedWorker(file("js/stream.js"), { type: "module", name: `jobtrail ${file("")}` });
    worker.onerror = () => { state = "polling"; show(); };
    port = worker.port;
  } else {
    port = alone();
  }
  port.onmessage = heard;
  port.start?.();
}

/** Without shared workers (phones): the stream of this tab alone, and only while it is looked at. */
function alone() {
  const channel = new MessageChannel();
  import("./stream.js").then(({ serve }) => serve(channel.port2));
  return channel.port1;
}

let hiding = null;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    hiding = setTimeout(leave, 30_000);
  } else {
    told = performance.now();
    join();
    if (!paused) refresh();
  }
});
addEventListener("pagehide", leave);
addEventListener("pageshow", (event) => { if (event.persisted) { join(); if (!paused) refresh(); } });

setInterval(() => {
  if (!paused && !document.hidden) {
    for (const region of regions()) if (region.dataset.live === "every" || state === "polling" || state === "away") dirty.add(region.id);
    soon();
  }
  listen();
}, EVERY_MS);
setInterval(show, 1000);

pill?.addEventListener("click", () => pause());
show();
join();
