// The timeline: brush to zoom (0 fits), arrows to go on, phases to fold, and running bars that grow between refreshes.
import { refresh } from "./live.js";

const WIDTH = 1000;
const LEAST = 2;
const place = document.getElementById("main");
const chart = () => document.querySelector("#timeline .tl");
let from = 0;
let to = WIDTH;
let drawn = performance.now();
let asked = false;
let end = "";

function show() {
  const width = Math.max(to - from, LEAST);
  place.style.setProperty("--zoom", String(WIDTH / width));
  place.style.setProperty("--from", String(from / WIDTH));
  const button = document.getElementById("fit");
  if (button) button.hidden = width >= WIDTH;
}

function keep() {
  const address = new URL(location.href);
  if (to - from >= WIDTH) address.searchParams.delete("zoom");
  else address.searchParams.set("zoom", `${from.toFixed(1)}-${to.toFixed(1)}`);
  history.replaceState(null, "", address);
}

function zoom(left, right) {
  const width = Math.min(Math.max(right - left, LEAST), WIDTH);
  from = Math.min(Math.max(left, 0), WIDTH - width);
  to = from + width;
  show();
  keep();
}

const fit = () => zoom(0, WIDTH);

function move(share) {
  const width = to - from;
  zoom(from + width * share, to + width * share);
}

function closer(factor, around = (from + to) / 2) {
  const width = (to - from) * factor;
  const share = (around - from) / (to - from);
  zoom(around - width * share, around + width * (1 - share));
}

/** Which of the 1 000 units lies under the pointer. */
function unit(event, box) {
  const share = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  return from + share * (to - from);
}

document.addEventListener("pointerdown", (event) => {
  const cell = event.target.closest("#timeline .tl-bars");
  if (!cell || event.button !== 0 || event.pointerType === "touch") return;
  const brush = chart().querySelector(".tl-brush");
  const box = cell.getBoundingClientRect();
  const start = unit(event, box);
  let end = start;
  const draw = (moved) => {
    end = unit(moved, box);
    const [left, right] = [Math.min(start, end), Math.max(start, end)];
    brush.hidden = right - left < LEAST;
    brush.style.left = `${((left - from) / (to - from)) * 100}%`;
    brush.style.width = `${((right - left) / (to - from)) * 100}%`;
  };
  const done = () => {
    removeEventListener("pointermove", draw);
    removeEventListener("pointerup", done);
    brush.hidden = true;
    if (Math.abs(end - start) >= (to - from) / 100) zoom(Math.min(start, end), Math.max(start, end));
  };
  event.preventDefault();
  addEventListener("pointermove", draw);
  addEventListener("pointerup", done);
});
document.addEventListener("dblclick", (event) => { if (event.target.closest("#timeline .tl-bars")) fit(); });
document.addEventListener("click", (event) => {
  if (event.target.closest("#fit")) { fit(); return; }
  const fold = event.target.closest("[data-fold]");
  if (!fold) return;
  const closed = new Set((place.dataset.closed ?? "").split(" ").filter(Boolean));
  if (!closed.delete(fold.dataset.fold)) closed.add(fold.dataset.fold);
  place.dataset.closed = [...closed].join(" ");
  folds();
});

function folds() {
  const closed = (place.dataset.closed ?? "").split(" ");
  for (const fold of document.querySelectorAll("[data-fold]")) fold.setAttribute("aria-expanded", String(!closed.includes(fold.dataset.fold)));
}

const KEYS = { 0: fit, "+": () => closer(0.5), "=": () => closer(0.5), "-": () => closer(2), ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2) };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !KEYS[event.key] || !chart()) return;
  if (event.target.closest("input, textarea, select, dialog[open], .scroll")) return;
  if (event.key.startsWith("Arrow") && to - from >= WIDTH) return;
  event.preventDefault();
  KEYS[event.key]();
});

/** Bars without an end grow into the room that the server left on the right; when it is used up, it is asked for more. */
function grow() {
  const box = chart();
  const rate = Number(box?.dataset.grows ?? 0);
  if (!rate || document.hidden) return;
  const more = ((performance.now() - drawn) / 1000) * rate;
  let full = false;
  for (const bar of box.querySelectorAll("[data-open]")) {
    const left = Number.parseFloat(bar.getAttribute("x")) * 10;
    const width = Number(bar.dataset.open) + more;
    bar.setAttribute("width", `${(Math.min(width, WIDTH - left) / 10).toFixed(3)}%`);
    full ||= left + width >= WIDTH;
  }
  if (full && !asked) { asked = true; refresh(); }
}

/** After parts were put in their place anew: what the server drew knows nothing of zoom and folds. */
function fresh() {
  const box = chart();
  if (box && box.dataset.end !== end) {
    end = box.dataset.end;
    drawn = performance.now();
    asked = false;
  }
  show();
  folds();
}

const said = /^([\d.]+)-([\d.]+)$/.exec(new URLSearchParams(location.search).get("zoom") ?? "");
if (said && Number(said[2]) > Number(said[1])) { from = Math.min(Number(said[1]), WIDTH - LEAST); to = Math.min(Number(said[2]), WIDTH); }
fresh();
document.addEventListener("jobtrail:fresh", fresh);
setInterval(grow, matchMedia("(prefers-reduced-motion: reduce)").matches ? 2000 : 200);
