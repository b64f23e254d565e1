// What all pages of a job have: the tab of the browser carries its state, and the way back in time moves without a reload.
import "./travel.js";
import "./unfold.js";

const SIGNS = { PENDING: "◌", VALIDATING: "◌", QUEUED: "○", RUNNING: "●", COMPLETED: "✓", FAILED: "✗", CANCELLED: "⊘" };
const COLORS = { PENDING: "--wait", VALIDATING: "--wait", QUEUED: "--wait", RUNNING: "--run", COMPLETED: "--ok", FAILED: "--bad", CANCELLED: "--warn" };
let shown = "";

function carry() {
  const head = document.getElementById("head");
  if (!head) return;
  const { status, name, ref } = head.dataset;
  const theme = document.documentElement.dataset.theme;
  if (shown === `${status} ${name} ${theme}`) return;
  shown = `${status} ${name} ${theme}`;
  const sign = SIGNS[status] ?? "·";
  document.title = `${sign} ${name} ${ref} · Jobtrail`;
  const color = getComputedStyle(document.documentElement).getPropertyValue(COLORS[status] ?? "--dim").trim();
  const svg = `<svg xmlns="${document.querySelector("svg").namespaceURI}" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${color}"/><text x="8" y="12" font-size="11" font-weight="700" text-anchor="middle" fill="white" font-family="sans-serif">${sign}</text></svg>`;
  const icon = document.getElementById("favicon");
  if (icon) icon.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false });
const day = new Intl.DateTimeFormat([], { month: "short", day: "numeric" });

/** Times of this trail as a clock shows them here; the whole time stands in their titles. */
function clocks() {
  const today = new Date().toDateString();
  for (const time of document.querySelectorAll("time[data-clock]")) {
    const at = new Date(time.dateTime);
    const text = at.toDateString() === today ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
    if (time.textContent !== text) time.textContent = text;
  }
}

function look() {
  carry();
  clocks();
}

look();
document.addEventListener("jobtrail:fresh", look);
document.addEventListener("jobtrail:fresh", () => requestAnimationFrame(look));
