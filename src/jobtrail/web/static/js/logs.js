// The viewer of a log: holds some windows of lines, asks for others where the reader goes, follows what is written.
import { copy } from "./acts.js";
import { finder } from "./logfind.js";
import { ask, taste, toast } from "./here.js";
import { isPaused } from "./live.js";

const section = document.getElementById("logs");
const box = document.getElementById("log");
const blocks = document.getElementById("log-blocks");
const above = document.getElementById("log-above");
const below = document.getElementById("log-below");
const note = document.getElementById("log-note");
const newer = document.getElementById("log-new");

const TALLEST_PX = 8_000_000;
const WINDOW = 200;
const MOST_ROWS = 2_400;
const NEAR_PX = 900;
const EVERY_MS = 1_000;
const REST_MS = 5_000;
const FINAL = ["COMPLETED", "FAILED", "CANCELLED"];

const filters = JSON.parse(section.dataset.filters);
const filtered = section.dataset.filtered === "yes";
const start = Date.parse(section.dataset.start);
const view = { first: 1, end: 1, from: 1, next: 1, perLine: 20, current: null };
let following = section.dataset.follows === "yes";
let open = section.dataset.open === "yes";
let busy = false;
let quiet = false;
let lastTop = 0;

// Lines

const rows = () => blocks.querySelectorAll(".ln");
const rowOf = (line) => document.getElementById(`L${line}`);

/** A window of lines from the server, as an element, with the numbers between which it looked. */
async function asked(said) {
  const place = new URL(location.href);
  place.hash = "";
  for (const name of ["line", "q", "first", "before", "limit"]) place.searchParams.delete(name);
  for (const [name, value] of Object.entries(said)) place.searchParams.set(name, value);
  const answer = await fetch(place, { headers: { "Jobtrail-Region": "lines", Accept: "text/html" }, redirect: "manual" });
  if (!answer.ok) throw new Error(answer.status ? `The server answered ${answer.status}.` : "Sign in again.");
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".lines");
  const block = document.adoptNode(found);
  return { block, first: Number(block.dataset.first), end: Number(block.dataset.end), from: Number(block.dataset.from), next: Number(block.dataset.next) };
}

function noted(part) {
  view.from = part.from;
  view.next = Math.max(view.next, part.next);
  const count = view.next - view.from;
  document.getElementById("log-lines").textContent = `${grouped(count)} ${count === 1 ? "line" : "lines"}`;
}

const grouped = (count) => count.toLocaleString("en").replaceAll(",", "\u202f");

/** What a new window gets: times as they are wished, marks, and no heading twice. */
function dressed(block) {
  for (const time of block.querySelectorAll("time")) time.textContent = said(time);
  search.mark(block);
  chosen(block);
}

function headings() {
  let last = null;
  for (const of of blocks.querySelectorAll(".of")) {
    of.hidden = of.dataset.of === last || (last === null && of.classList.contains("of-plain"));
    last = of.dataset.of;
  }
}

function pads() {
  const perLine = Math.min(view.perLine, TALLEST_PX / Math.max(view.next - view.from, 1));
  above.style.height = `${Math.max(view.first - view.from, 0) * perLine}px`;
  below.style.height = `${Math.max(view.next - view.end, 0) * perLine}px`;
}

/** Changes what stands there, and lets what the reader looks at stay where it is. */
function still(change) {
  const at = box.getBoundingClientRect().top;
  const anchor = [...rows()].find((row) => row.getBoundingClientRect().bottom > at);
  const was = anchor?.getBoundingClientRect().top;
  change();
  headings();
  pads();
  if (anchor?.isConnected) moved(box.scrollTop + anchor.getBoundingClientRect().top - was);
  document.getElementById("log-none").hidden = rows().length > 0;
}

function moved(top) {
  if (Math.abs(box.scrollTop - top) < 1) return;
  const was = box.scrollTop;
  box.scrollTop = top;
  lastTop = box.scrollTop;
  quiet = lastTop !== was;
}

function put(part, where) {
  noted(part);
  still(() => {
    dressed(part.block);
    if (where === "all") {
      blocks.replaceChildren(part.block);
      [view.first, view.end] = [part.first, part.end];
      if (part.block.childElementCount) view.perLine = Math.max(part.block.offsetHeight / Math.max(part.end - part.first, 1), 0.01);
    } else if (where === "before") {
      blocks.prepend(part.block);
      view.first = part.first;
    } else {
      blocks.append(part.block);
      view.end = part.end;
    }
    trim(where);
  });
}

/** Not more lines at once than a browser bears: those farthest from where the reader goes are let go. */
function trim(where) {
  for (const block of [...blocks.children]) if (!block.childElementCount && blocks.childElementCount > 1) block.remove();
  while (rows().length > MOST_ROWS && blocks.childElementCount > 2) {
    if (where === "before") {
      const gone = blocks.lastElementChild;
      view.end = Number(gone.dataset.first);
      gone.remove();
    } else {
      const gone = blocks.firstElementChild;
      view.first = Number(gone.dataset.end);
      gone.remove();
    }
  }
}

/** Waits until nothing is asked for; what the reader wishes comes next. */
async function idle() {
  for (let tries = 0; busy && tries < 300; tries += 1) await new Promise((go) => setTimeout(go, 30));
}

async function load(said, where) {
  if (busy) return false;
  busy = true;
  box.setAttribute("aria-busy", "true");
  try {
    const part = await asked(said);
    put(part, where);
    tell(rows().length || part.end >= part.next ? "" : `Looked at the lines to ${grouped(part.end - 1)}.`);
    return true;
  } catch (error) {
    resting = Date.now() + REST_MS;
    tell(`${error.message ?? "The server could not be reached."} What is here is kept.`);
    return false;
  } finally {
    busy = false;
    box.removeAttribute("aria-busy");
  }
}

function tell(text) {
  if (note.textContent !== text) note.textContent = text;
}

// Scrolling

async function look() {
  if (busy || document.hidden) return;
  const [top, high, padded, tall] = [box.scrollTop, box.clientHeight, above.offsetHeight, blocks.offsetHeight];
  const perLine = Math.min(view.perLine, TALLEST_PX / Math.max(view.next - view.from, 1));
  if (padded && top < 4) await toStart();
  else if (below.offsetHeight && top + high > box.scrollHeight - 4) await toEnd();
  else if (padded && top + high < padded - NEAR_PX) {
    await jump(view.from + Math.floor((top + high / 2) / perLine));
  } else if (below.offsetHeight && top > padded + tall + NEAR_PX) {
    await jump(view.end + Math.floor((top - padded - tall + high / 2) / perLine));
  } else if (view.first > view.from && top < padded + NEAR_PX) {
    if (await load({ before: view.first, limit: WINDOW }, "before")) requestAnimationFrame(look);
  } else if (view.end < view.next && top + high > padded + tall - NEAR_PX) {
    if (await load({ first: view.end, limit: WINDOW }, "after")) requestAnimationFrame(look);
  }
}

async function jump(line) {
  const at = Math.min(Math.max(line, view.from), view.next - 1);
  const top = box.scrollTop;
  if (!await load({ first: Math.max(at - WINDOW / 2, view.from), limit: WINDOW }, "all")) return;
  const row = near(at);
  if (row) moved(row.offsetTop - box.clientHeight / 2);
  else moved(top);
  requestAnimationFrame(look);
}

/** The row of a line; where it is not shown, the one after it, or the last. */
function near(line) {
  return rowOf(line) ?? [...rows()].find((row) => Number(row.dataset.n) >= line) ?? [...rows()].at(-1);
}

function top() {
  const at = box.getBoundingClientRect().top;
  return Number([...rows()].find((row) => row.getBoundingClientRect().bottom > at)?.dataset.n ?? view.first);
}

/** Goes to a line, shows all of it, and puts it into the address. */
export async function goTo(line, range = String(line)) {
  follow(false);
  if (line < view.first || line >= view.end) {
    const first = Math.max(line - WINDOW / 2, view.from);
    await idle();
    if (!await load({ first: filtered ? Math.max(line, view.from) : first, limit: WINDOW }, "all")) return;
  }
  choose(range);
  const row = near(line);
  if (!row) return;
  for (const folded of row.querySelectorAll("details.rest")) folded.open = true;
  moved(Math.max(row.offsetTop - box.clientHeight / 3, 0));
  box.scrollIntoView({ block: "nearest" });
  requestAnimationFrame(look);
}

function choose(range) {
  view.current = range ? Number(range.split("-")[0]) : null;
  const place = new URL(location.href);
  place.hash = "";
  if (range) place.searchParams.set("line", range);
  else place.searchParams.delete("line");
  history.replaceState(history.state, "", place);
  chosen(blocks);
}

/** Marks the lines that the address names. */
function chosen(part) {
  const range = new URL(location.href).searchParams.get("line");
  const [from, to] = range ? range.split("-").map(Number) : [0, 0];
  const [low, high] = to ? [Math.min(from, to), Math.max(from, to)] : [from, from];
  for (const row of part.querySelectorAll(".ln")) {
    const line = Number(row.dataset.n);
    row.classList.toggle("here", line === from);
    row.classList.toggle("chosen", line !== from && line >= low && line <= high && low > 0);
  }
}

// Following

function follow(on) {
  if (following || on) seen = view.next;
  following = on && open;
  const button = document.getElementById("log-follow");
  button.setAttribute("aria-pressed", String(following));
  button.firstElementChild.textContent = following ? "●" : "○";
  button.disabled = !open;
  unseen();
}

function unseen() {
  const count = view.next - seen;
  newer.hidden = following || !open || count <= 0;
  if (!newer.hidden) newer.textContent = filtered ? "↓ new lines (follow)" : `↓ ${grouped(count)} new ${count === 1 ? "line" : "lines"} (follow)`;
}

let seen = 0;
let polled = 0;
let resting = 0;

async function poll() {
  if (!open || busy || document.hidden || isPaused() || Date.now() < resting) return;
  if (!following && Date.now() - polled < 3 * EVERY_MS) return;
  polled = Date.now();
  const ended = FINAL.includes(document.getElementById("head")?.dataset.status);
  const before = view.next;
  let answered = true;
  if (following) {
    if (view.next - view.end > 2 * WINDOW) { await toEnd(); answered = view.end >= view.next; }
    else if (await load({ first: view.end, limit: 500 }, "after")) bottom();
    else answered = false;
  } else {
    const part = await asked({ first: view.next, limit: 1 }).catch(() => null);
    if (part) { noted(part); pads(); }
    else answered = false;
  }
  if (ended && answered && view.next === before) {
    open = false;
    follow(false);
  }
  unseen();
}

function bottom() {
  moved(box.scrollHeight);
}

/** To the last lines. */
async function toEnd() {
  await idle();
  if (view.end >= view.next || await load({ before: Number.MAX_SAFE_INTEGER - 1, limit: WINDOW }, "all")) bottom();
}

/** To the first lines. */
async function toStart() {
  await idle();
  if (view.first <= view.from || await load({ first: view.from, limit: WINDOW }, "all")) moved(0);
}

// What is pressed

const LEVELS = "ERROR,FATAL";

async function error(step) {
  const at = view.current ?? (step > 0 ? top() - 1 : top());
  const place = new URL(section.dataset.api, location.href);
  for (const [name, value] of Object.entries(filters)) place.searchParams.set(name, value);
  place.searchParams.set("level", LEVELS);
  if (step > 0) {
    place.searchParams.set("from_line", Math.max(at + 1, 1));
    place.searchParams.set("limit", 1);
  } else {
    place.searchParams.set("tail", 1);
    place.searchParams.set("before_line", Math.max(at, 1));
  }
  try {
    const [found] = (await ask("GET", place)).items;
    const number = found && found.number < view.next + (open ? Infinity : 0) ? found.number : null;
    if (number === null) tell(step > 0 ? "No further error." : "No error before this line.");
    else { tell(""); await goTo(number); }
  } catch (problem) {
    toast(problem.detail ?? String(problem), true);
  }
}

function said(time) {
  const at = Date.parse(time.dateTime);
  if (box.dataset.time === "relative") return `${at < start ? "−" : "+"}${(Math.abs(at - start) / 1000).toFixed(3)} s`;
  const local = new Date(at);
  return `${local.toTimeString().slice(0, 8)}.${String(local.getMilliseconds()).padStart(3, "0")}`;
}

function times(mode) {
  still(() => {
    box.dataset.time = mode;
    for (const time of blocks.querySelectorAll("time")) time.textContent = said(time);
  });
}

function wrap(on) {
  still(() => { box.dataset.wrap = on ? "on" : "off"; });
  document.getElementById("log-wrap").setAttribute("aria-pressed", String(on));
}

function pressed(event) {
  const number = event.target.closest("a.no");
  if (number) {
    event.preventDefault();
    const line = Number(number.textContent);
    follow(false);
    choose(event.shiftKey && view.current ? `${view.current}-${line}` : String(line));
    return;
  }
  const fact = event.target.closest("[data-find]");
  if (fact) search.look(fact.dataset.find);
  const whole = event.target.closest("[data-whole]");
  if (whole) copy(wholeText(whole.closest(".ln")));
}

/** What a line says, also what is folded away, without the words of the fold. */
function wholeText(row) {
  const text = row.querySelector(".tx").cloneNode(true);
  for (const fold of text.querySelectorAll("summary")) fold.remove();
  return text.textContent;
}

// Beginning

const search = finder({
  section, filters, goTo, blocks, current: () => view.current ?? top(), tell,
});

function begin() {
  const block = blocks.firstElementChild;
  Object.assign(view, {
    first: Number(block.dataset.first), end: Number(block.dataset.end), from: Number(block.dataset.from), next: Number(block.dataset.next),
  });
  if (block.childElementCount) view.perLine = Math.max(block.offsetHeight / Math.max(view.end - view.first, 1), 0.01);
  seen = view.next;
  box.dataset.time = taste.get("log.time") ?? "clock";
  document.getElementById("log-time").value = box.dataset.time;
  box.dataset.wrap = taste.get("log.wrap") ?? "on";
  document.getElementById("log-wrap").setAttribute("aria-pressed", String(box.dataset.wrap !== "off"));
  dressed(block);
  headings();
  pads();
  const hash = /^#L(\d{1,15})$/.exec(location.hash);
  const range = new URL(location.href).searchParams.get("line");
  if (hash) goTo(Number(hash[1]));
  else if (range) goTo(Number(range.split("-")[0]), range);
  else if (block.dataset.target) {
    const row = near(Number(block.dataset.target));
    view.current = Number(block.dataset.target);
    row?.classList.add("here");
    for (const folded of row?.querySelectorAll("details.rest") ?? []) folded.open = true;
    if (row) moved(row.offsetTop - box.clientHeight / 3);
  } else if (following || view.first > view.from) bottom();
  search.begin();
  lastTop = box.scrollTop;
}

box.addEventListener("scroll", () => {
  const [was, now] = [lastTop, box.scrollTop];
  lastTop = now;
  if (!quiet && following && now < was - 2) follow(false);
  else if (!quiet && open && !following && now > was && view.end >= view.next && now + box.clientHeight > box.scrollHeight - 4) follow(true);
  quiet = false;
  requestAnimationFrame(look);
}, { passive: true });
box.addEventListener("click", pressed);
box.addEventListener("keydown", (event) => {
  if (event.target !== box || event.ctrlKey || event.metaKey || event.altKey || !["Home", "End"].includes(event.key)) return;
  event.preventDefault();
  if (event.key === "End") toEnd();
  else { follow(false); toStart(); }
});
document.getElementById("log-scope").addEventListener("change", (event) => {
  if (!event.target.matches("select")) return;
  const place = new URL(location.href);
  place.hash = "";
  place.searchParams.delete("line");
  if (event.target.value) place.searchParams.set(event.target.name, event.target.value);
  else place.searchParams.delete(event.target.name);
  location.assign(place);
});
document.getElementById("log-follow").addEventListener("click", async () => {
  if (following) follow(false);
  else { choose(null); follow(true); await toEnd(); unseen(); }
});
newer.addEventListener("click", async () => { choose(null); follow(true); await toEnd(); unseen(); box.focus(); });
document.getElementById("log-wrap").addEventListener("click", () => {
  const on = box.dataset.wrap === "off";
  taste.set("log.wrap", on ? "on" : "off");
  wrap(on);
});
document.getElementById("log-time").addEventListener("change", (event) => {
  taste.set("log.time", event.target.value);
  times(event.target.value);
});
document.getElementById("log-error-after").addEventListener("click", () => error(1));
document.getElementById("log-error-before").addEventListener("click", () => error(-1));
addEventListener("hashchange", () => {
  const hash = /^#L(\d{1,15})$/.exec(location.hash);
  if (hash) goTo(Number(hash[1]));
});
setInterval(poll, EVERY_MS);
begin();
