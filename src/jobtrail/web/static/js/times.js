// Times tick by themselves, in the reader's zone; the full time stands in the title.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const full = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium", hour12: false });

function about(seconds) {
  for (const [unit, per] of [["s", 1], ["min", 60], ["h", 3600]]) {
    if (seconds < per * 90) return `${Math.round(seconds / per)} ${unit}`;
  }
  return `${Math.round(seconds / 86400)} days`;
}

/** About how long ago, or in how long: the words of core/shown.py. */
export function ago(at, now = new Date()) {
  const seconds = (now - at) / 1000;
  return seconds < -0.5 ? `in ${about(-seconds)}` : `${about(Math.max(seconds, 0))} ago`;
}

/** How long, as a clock shows it. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const tail = `${String(minutes).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

function tick() {
  const now = new Date();
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = ago(new Date(time.dateTime), now);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const since of document.querySelectorAll("[data-since]")) {
    const text = clock((now - new Date(since.dataset.since)) / 1000);
    if (since.textContent !== text) since.textContent = text;
  }
  const utc = document.getElementById("utc");
  if (utc) utc.textContent = now.toISOString().slice(11, 19);
}

function titles() {
  for (const time of document.querySelectorAll("time[datetime]:not([data-full])")) {
    time.title = `${full.format(new Date(time.dateTime))} ${zone} · ${time.dateTime}`;
    time.dataset.full = "";
  }
}

const place = document.getElementById("zone");
if (place && zone !== "UTC") place.textContent = zone;
titles();
tick();
setInterval(() => { if (!document.hidden) tick(); }, 1000);
document.addEventListener("jobtrail:fresh", () => { titles(); tick(); });
