// The list of jobs: what is selected, what is done with it, and how this browser likes to see it.
import { ask, page, taste, toast } from "./here.js";

const byId = (id) => document.getElementById(id);
const list = byId("list");
const chosen = new Map();
let everything = false;
let matching = null;
const ACTS = { retry: "Retry", cancel: "Cancel", rerun: "Rerun", prioritize: "Change the priority of" };
const STATUSES = { retry: ["FAILED", "CANCELLED"], cancel: ["PENDING", "VALIDATING", "QUEUED", "RUNNING"], prioritize: ["PENDING", "VALIDATING", "QUEUED", "RUNNING"] };
const MANY = 1000;
const CAP = 10_000;

const rows = () => [...document.querySelectorAll("#rows [data-row]")];

/** What may be done with a row, as its server says; a new priority is for whatever has not ended. */
function allowed(row) {
  const said = row.dataset.allowed.split(" ");
  return STATUSES.prioritize.includes(row.dataset.status) ? [...said, "prioritize"] : said;
}

/** Whether something can be done with jobs at any of the statuses that are looked for. */
function fits(action) {
  const sought = list.dataset.statuses;
  return !sought || !STATUSES[action] || STATUSES[action].some((status) => sought.split(",").includes(status));
}

function paint() {
  for (const row of rows()) {
    const box = row.querySelector("[data-box]");
    const on = everything || chosen.has(row.dataset.job);
    if (chosen.has(row.dataset.job)) chosen.set(row.dataset.job, allowed(row));
    box.checked = on;
    row.toggleAttribute("data-marked", on);
  }
  const all = byId("box-all");
  const shown = rows();
  if (all) {
    all.checked = shown.length > 0 && shown.every((row) => row.querySelector("[data-box]").checked);
    all.indeterminate = !all.checked && shown.some((row) => row.querySelector("[data-box]").checked);
  }
  const can = new Set(everything ? Object.keys(ACTS).filter(fits) : [...chosen.values()].flat());
  document.querySelectorAll("[data-bulk]").forEach((button) => { button.hidden = !can.has(button.dataset.bulk); });
  const text = everything ? `All ${matching ?? "…"} that match` : chosen.size ? `${chosen.size} selected` : shown.length ? "Nothing selected" : "";
  if (byId("chosen").textContent !== text) byId("chosen").textContent = text;
  byId("all-matching").textContent = everything || chosen.size ? (everything ? "Select none" : "All that match…") : "All that match…";
  byId("all-matching").setAttribute("aria-pressed", String(everything));
}

let last = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest("[data-box]");
  if (box) {
    everything = false;
    const all = rows();
    const here = all.indexOf(box.closest("[data-row]"));
    const from = event.shiftKey && last !== null ? Math.min(last, here) : here;
    const to = event.shiftKey && last !== null ? Math.max(last, here) : here;
    for (const row of all.slice(from, to + 1)) {
      if (box.checked) chosen.set(row.dataset.job, allowed(row));
      else chosen.delete(row.dataset.job);
    }
    last = here;
    paint();
    return;
  }
  if (event.target.id === "box-all") {
    everything = false;
    for (const row of rows()) {
      if (event.target.checked) chosen.set(row.dataset.job, allowed(row));
      else chosen.delete(row.dataset.job);
    }
    paint();
    return;
  }
  const act = event.target.closest("[data-bulk]");
  if (act) begin(act.dataset.bulk);
});

byId("all-matching")?.addEventListener("click", () => {
  everything = !everything;
  chosen.clear();
  matching = null;
  paint();
  if (everything && document.querySelector('[data-bulk="rerun"][data-may="yes"]')) count();
});

/** How many match, counted by the server up to its cap. */
async function count() {
  order = { action: "rerun", filter: filter() };
  const asked = order;
  const counted = await ask("POST", list.dataset.bulkApi, body(true)).catch(() => null);
  if (order !== asked || !everything || !counted) return;
  matching = counted.capped ? `${spaced(Math.min(counted.matching, CAP))}+` : spaced(counted.matching);
  paint();
}

// What is done with the selected ones: first counted by the server, then told, then ordered.

let order = null;

function filter() {
  if (!everything) return { id: [...chosen.keys()] };
  const said = { q: list.dataset.q, created_after: list.dataset.after, created_before: list.dataset.before };
  const wanted = Object.fromEntries(Object.entries(said).filter(([, value]) => value));
  if (list.dataset.ids) wanted.id = list.dataset.ids.split(",");
  return wanted;
}

function body(dry) {
  const said = { action: order.action, filter: order.filter, dry_run: dry };
  if (!Object.keys(order.filter).length) said.all = true;
  if (order.action === "prioritize") said.priority = Number(byId("bulk-priority").value);
  if (order.action === "cancel" && byId("bulk-reason").value.trim()) said.reason = byId("bulk-reason").value.trim();
  return said;
}

const spaced = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");

function scope() {
  if (!everything) return "of those selected";
  const parts = [];
  if (list.dataset.q) parts.push(`matching “${list.dataset.q}”`);
  if (list.dataset.after) parts.push(`created after ${new Date(list.dataset.after).toLocaleString()}`);
  if (list.dataset.before) parts.push(`created before ${new Date(list.dataset.before).toLocaleString()}`);
  return parts.length ? parts.join(", ") : "there are, without any condition";
}

async function begin(action) {
  order = { action, filter: filter(), need: null };
  byId("bulk-title").textContent = `${ACTS[action]} jobs`;
  byId("bulk-says").textContent = "Counting…";
  byId("bulk-more").textContent = "";
  byId("bulk-wrong").hidden = true;
  byId("bulk-number").value = "";
  byId("bulk-number-field").hidden = true;
  byId("bulk-priority-field").hidden = action !== "prioritize";
  byId("bulk-reason-field").hidden = action !== "cancel";
  const go = byId("bulk-go");
  go.textContent = action === "prioritize" ? "Change" : ACTS[action];
  go.className = action === "cancel" ? "btn btn-danger" : "btn btn-main";
  go.disabled = true;
  byId("bulk").showModal();
  try {
    const counted = await ask("POST", list.dataset.bulkApi, body(true));
    tell(counted);
  } catch (problem) {
    complain(problem);
  }
}

function tell(counted) {
  const { action } = order;
  const changing = counted.capped ? `more than ${spaced(Math.min(counted.changing, CAP))}` : spaced(counted.changing);
  const of = counted.changing === 1 && !counted.capped ? "job" : "jobs";
  const which = { retry: "FAILED or CANCELLED ", cancel: "PENDING, QUEUED or RUNNING ", prioritize: "PENDING, QUEUED or RUNNING ", rerun: "" }[action];
  byId("bulk-says").textContent = `${ACTS[action]} ${changing} ${which}${of} ${scope()}, in ${list.dataset.workspace}.`;
  const left = counted.matching - counted.changing;
  const notes = [];
  if (left > 0) notes.push(`${spaced(left)} of ${spaced(counted.matching)} cannot be ${{ retry: "retried", cancel: "cancelled", rerun: "rerun", prioritize: "changed" }[action]} as they are; they are skipped, and told in the account.`);
  const apart = everything ? 0 : chosen.size - counted.matching;
  if (apart > 0) notes.push(`${spaced(apart)} of those selected are left out: bulk operations, or jobs that are gone.`);
  if (action === "rerun") notes.push("Each makes a new job with the same input.");
  notes.push("Jobs that are created from now on are not touched; jobs that change meanwhile are skipped.");
  byId("bulk-more").textContent = notes.join(" ");
  if (!counted.changing && !counted.capped) return;
  if (counted.capped || counted.changing > MANY || (action === "cancel" && counted.changing > 1)) {
    order.need = String(counted.capped ? CAP : counted.changing);
    byId("bulk-count").textContent = order.need;
    byId("bulk-number-field").hidden = false;
    byId("bulk-number").focus();
  } else {
    byId("bulk-go").disabled = false;
    byId("bulk-go").focus();
  }
}

function complain(problem) {
  byId("bulk-says").textContent = "";
  byId("bulk-wrong").textContent = problem.detail ?? String(problem);
  byId("bulk-wrong").hidden = false;
}

byId("bulk-number")?.addEventListener("input", (event) => {
  byId("bulk-go").disabled = event.target.value.replaceAll(/[\s\u202f,]/g, "") !== order.need;
});
byId("bulk-not")?.addEventListener("click", () => byId("bulk").close());
byId("bulk-form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const go = byId("bulk-go");
  if (go.disabled) return;
  go.disabled = true;
  try {
    const answer = await ask("POST", list.dataset.bulkApi, body(false));
    location.assign(list.dataset.operations + answer.job_id);
  } catch (problem) {
    complain(problem);
    go.disabled = false;
  }
});

// The search: one that cannot be read is told here, and the list stays.

const moment = (field) => { const text = byId(field).value; return text ? new Date(text).toISOString() : ""; };

function show(changes) {
  const own = new URL(location.href);
  for (const name of ["before", "after", "jump", "ids"]) own.searchParams.delete(name);
  for (const [name, value] of Object.entries(changes)) {
    if (value) own.searchParams.set(name, value);
    else own.searchParams.delete(name);
  }
  location.assign(own);
}

byId("search")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const q = byId("q").value.trim();
  const wrong = byId("q-wrong");
  try {
    if (q) await ask("GET", `${list.dataset.jobsApi}?limit=1&inputs=false&before=00000000-0000-0000-0000-000000000000&q=${encodeURIComponent(q)}`);
  } catch (problem) {
    if (problem.status === 422) {
      wrong.textContent = problem.errors[0]?.message ?? problem.detail;
      wrong.hidden = false;
      byId("q").setAttribute("aria-invalid", "true");
      byId("q").closest(".field").dataset.wrong = "";
      const at = Number(/at character (\d+)/.exec(problem.detail)?.[1] ?? 0);
      if (at) byId("q").setSelectionRange(at - 1, q.length);
      byId("q").focus();
      return;
    }
  }
  location.assign(page(`/jobs${new URLSearchParams([["q", q], ["t", new URL(location.href).searchParams.get("t") ?? ""]].filter(([, value]) => value)).toString().replace(/^(?=.)/, "?")}`));
});
const at = byId("q")?.dataset.position;
if (at) { byId("q").setAttribute("aria-invalid", "true"); byId("q").setSelectionRange(Number(at) - 1, byId("q").value.length); }

byId("window-form")?.addEventListener("submit", () => {
  const [from, to] = [moment("w-from"), moment("w-to")];
  if (from || to) show({ t: `${from}..${to}` });
});
byId("jump-form")?.addEventListener("submit", () => show({ jump: moment("j-at") }));

// Taste: columns, density, saved views.

const columns = new Set((taste.get("jobs.columns") ?? "").split(" ").filter(Boolean));

function dress() {
  list.dataset.columns = [...columns].join(" ");
  list.toggleAttribute("data-dense", taste.get("jobs.dense") === "yes");
}

for (const box of document.querySelectorAll("[data-column]")) {
  box.checked = columns.has(box.dataset.column);
  box.addEventListener("change", () => {
    if (box.checked) columns.add(box.dataset.column);
    else columns.delete(box.dataset.column);
    taste.set("jobs.columns", [...columns].join(" "));
    dress();
  });
}
byId("dense").checked = taste.get("jobs.dense") === "yes";
byId("dense").addEventListener("change", (event) => { taste.set("jobs.dense", event.target.checked ? "yes" : "no"); dress(); });

function views() {
  try {
    const said = JSON.parse(taste.get("jobs.views") ?? "[]");
    return Array.isArray(said) ? said.filter((one) => typeof one?.name === "string" && typeof one?.query === "string") : [];
  } catch { return []; }
}

function keep(all) {
  taste.set("jobs.views", JSON.stringify(all));
  drawViews();
}

function drawViews() {
  const box = byId("views");
  box.querySelectorAll(".view").forEach((one) => one.remove());
  for (const { name, query } of views()) {
    const line = document.createElement("li");
    line.className = "view";
    const link = document.createElement("a");
    link.href = page(`/jobs${query.startsWith("?") ? query : ""}`);
    link.textContent = name;
    const drop = document.createElement("button");
    drop.type = "button";
    drop.className = "btn btn-plain btn-small";
    drop.textContent = "✕";
    drop.setAttribute("aria-label", `Forget the view ${name}`);
    drop.addEventListener("click", () => keep(views().filter((one) => one.name !== name)));
    line.append(link, drop);
    box.prepend(line);
  }
}

byId("save-view")?.addEventListener("click", () => {
  byId("views-menu").open = false;
  byId("name-view").showModal();
  byId("view-name").focus();
});
byId("name-view-form")?.addEventListener("submit", () => {
  const name = byId("view-name").value.trim();
  if (!name) return;
  const own = new URL(location.href);
  for (const one of ["before", "after", "jump", "ids"]) own.searchParams.delete(one);
  keep([...views().filter((one) => one.name !== name), { name, query: own.search }]);
  toast(`Saved: ${name}`, false, 3);
});

document.addEventListener("jobtrail:fresh", () => {
  document.activeElement?.closest("[data-row]")?.setAttribute("aria-selected", "true");
  paint();
});
dress();
drawViews();
paint();
