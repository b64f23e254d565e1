// In development: tells, from the trail, what became of a job whose worker was lost while somebody looked on; and plays a
// job from its beginning, which js/travel.js does.
import { ask, prefix, toast } from "./here.js";
import { refresh } from "./live.js";

const SLOW_SECONDS = 2;
const MOST_EVENTS = 1_000;
const job = document.getElementById("head")?.dataset.job;
const api = (path) => `${prefix}/api/v1${path}`;
const killedAt = new Map();
let told = null;
let busy = false;
let again = false;

const named = (workers, id) => workers.find((one) => one.id === id)?.name ?? "a worker";
const between = (from, to) => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);

/** Steps that were begun again although they had finished; null where not all of the trail was read. */
function repeated(events) {
  if (events.next_cursor) return null;
  const finished = new Set();
  const found = [];
  for (const event of events.items) {
    if (event.type === "step.completed" || event.type === "gate.passed") finished.add(event.step_id);
    else if (event.type === "step.started" && finished.has(event.step_id)) found.push(event.step_id);
  }
  return found;
}

async function story(lost, next) {
  const [workers, events] = await Promise.all([
    ask("GET", api("/workers")), ask("GET", api(`/jobs/${job}/events?limit=${MOST_EVENTS}`)),
  ]);
  const since = killedAt.get(lost.worker_id);
  const took = between(since ?? lost.ended_at, next.started_at);
  const again = repeated(events);
  const after = since ? `in ${took.toFixed(1)} s` : `${took.toFixed(1)} s after that was noticed`;
  const how = took > SLOW_SECONDS ? ` (${lost.error_message})` : "";
  const kept = again === null ? "" : again.length
    ? ` ${again.length} finished steps ran again: please report it.` : " Nothing that had finished was done again.";
  return `▚ ${named(workers.items, lost.worker_id)} is gone. ${named(workers.items, next.worker_id)} took over ${after}${how}.${kept}`;
}

async function look() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const { items } = await ask("GET", api(`/jobs/${job}/attempts`));
    const losses = items.map((one, at) => [one, items[at + 1]]).filter(([one, next]) => one.status === "LOST" && next);
    if (told === null) told = new Set(losses.map(([one]) => one.id));
    for (const [lost, next] of losses) {
      if (told.has(lost.id)) continue;
      told.add(lost.id);
      toast(await story(lost, next), false, 14);
    }
  } catch { /* the server is away; the next change asks again */ }
  busy = false;
  if (again) { again = false; look(); }
}

if (job) {
  document.addEventListener("jobtrail:done", (event) => {
    const answer = event.detail.answer;
    if (!event.target.matches(".kill") || !answer) return;
    killedAt.set(answer.worker_id, answer.killed_at);
    refresh();
  });
  document.addEventListener("jobtrail:changes", (event) => { if (event.detail.more || event.detail.jobs.has(job)) look(); });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-replay]")) sessionStorage.setItem("jobtrail.play", "yes");
  });
  look();
}
