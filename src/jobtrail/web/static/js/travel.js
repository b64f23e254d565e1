// Back in time: the range goes over the events of a job. The server shows the job as of the chosen one; only what is
// different is put in its place, and the address says when it was.
import { isPaused, refresh } from "./live.js";

const PLAY_MS = 450;
const parts = () => document.getElementById("travel-range");
let playing = null;
let waiting = null;

function moments(range) {
  return range.dataset.moments.split(",").filter(Boolean).map((one) => {
    const [seq, at, type] = one.split(" ");
    return { seq: Number(seq), at, type };
  });
}

function say(range, all, index) {
  const here = all[index];
  range.setAttribute("aria-valuetext", `event ${here.seq} of ${range.dataset.version}: ${here.type}`);
  const box = range.parentElement.querySelector("output");
  if (box) box.textContent = `event ${here.seq} of ${range.dataset.version}`;
}

/** Shows the job as of an event. Where no part can be asked for anew (live updates are paused), the page is. */
function go(index) {
  const range = parts();
  const all = moments(range);
  const at = all[Math.max(0, Math.min(index, all.length - 1))];
  const address = new URL(location.href);
  address.searchParams.set("at", at.at);
  for (const name of ["before", "after"]) address.searchParams.delete(name);
  range.value = String(index);
  say(range, all, index);
  // The first step back changes what the page is: from one that lives to one that stands still.
  if (isPaused() || !document.querySelector("[data-now]")) {
    location.assign(address);
    return;
  }
  history.replaceState(null, "", address);
  refresh();
}

function stop() {
  clearInterval(playing);
  playing = null;
  label();
}

function label() {
  const button = document.getElementById("travel-play");
  if (!button) return;
  button.hidden = false;
  const [sign, word] = button.children;
  sign.textContent = playing ? "▮▮" : "▶▶";
  word.textContent = playing ? "Stop" : "Play";
}

function play() {
  if (playing) { stop(); return; }
  const range = parts();
  if (!document.querySelector("[data-now]")) { sessionStorage.setItem("jobtrail.play", "yes"); go(0); return; }
  if (Number(range.value) >= Number(range.max)) go(0);
  playing = setInterval(() => {
    const now = parts();
    if (!now || Number(now.value) >= Number(now.max)) stop();
    else go(Number(now.value) + 1);
  }, PLAY_MS);
  label();
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "travel-range") return;
  say(event.target, moments(event.target), Number(event.target.value));
  clearTimeout(waiting);
  waiting = setTimeout(() => go(Number(event.target.value)), 120);
});
document.addEventListener("click", (event) => {
  if (event.target.closest("#travel-play")) { play(); return; }
  const step = event.target.closest("#travel [data-step]");
  if (!step || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  stop();
  const range = parts();
  go(Math.max(0, Math.min(Number(range.max), Number(range.value) + Number(step.dataset.step))));
});
document.addEventListener("jobtrail:fresh", label);
label();
if (sessionStorage.getItem("jobtrail.play") === "yes" && parts()) {
  sessionStorage.removeItem("jobtrail.play");
  play();
}
