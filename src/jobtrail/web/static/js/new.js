// The form for a new job: its input by the schema of its type, its twins elsewhere, and its address, by which it can be shared.
import { Editor, Wrong, handIn } from "./form.js";
import { isObject, pairs, parse, python, quoted, write } from "./values.js";

const MOST_IN_ADDRESS = 6000;
const form = document.getElementById("new-job");
const byId = (id) => document.getElementById(id);
const option = (name) => form.querySelector(`[data-option="${name}"]`).value.trim();
const UNITS = { w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 };

/** Seconds of "1h30m". Throws Wrong. */
function seconds(text) {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([wdhms])/g)];
  if (!parts.length || parts.map((one) => one[0]).join("") !== text) throw new Wrong("scheduled_at", "write 90s, 5m or 1h30m");
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit], 0);
}

const tags = () => option("tags").split(",").map((one) => one.trim()).filter(Boolean);

/* What is to happen where another job has the key; it means nothing without one. */
const conflict = () => (option("unique_key") ? option("on_conflict") : "");

function options(input) {
  const said = { type: form.dataset.type, input };
  if (option("title")) said.title = option("title");
  if (option("queue")) said.queue = option("queue");
  if (option("priority")) {
    const priority = Number(option("priority"));
    if (!Number.isInteger(priority)) throw new Wrong("priority", "a whole number from 1 to 10");
    said.priority = priority;
  }
  if (option("unique_key")) said.unique_key = option("unique_key");
  if (conflict()) said.on_conflict = conflict();
  if (tags().length) said.tags = tags();
  return said;
}

function command(input) {
  const words = ["jobtrail enqueue", quoted(form.dataset.type)];
  const said = pairs(input);
  if (said) words.push(...said);
  else words.push("--input", quoted(write(input)));
  for (const [flag, name] of [["--title", "title"], ["--queue", "queue"], ["--priority", "priority"], ["--delay", "delay"], ["--unique-key", "unique_key"]]) {
    if (option(name)) words.push(flag, quoted(option(name)));
  }
  if (conflict()) words.push("--on-conflict", conflict().toLowerCase());
  for (const tag of tags()) words.push("--tag", quoted(tag));
  return words.join(" ");
}

function code(input) {
  const names = isObject(input) ? Object.keys(input) : [];
  const simple = isObject(input) && names.every((name) => /^[A-Za-z_]\w*$/.test(name));
  const given = simple ? names.map((name) => `, ${name}=${python(input[name])}`).join("") : `, **${python(input)}`;
  const more = [];
  for (const name of ["title", "queue", "unique_key", "delay"]) if (option(name)) more.push(`${name}=${python(option(name))}`);
  if (conflict()) more.push(`on_conflict=${python(conflict())}`);
  if (option("priority")) more.push(`priority=${option("priority")}`);
  if (tags().length) more.push(`tags=${python(tags())}`);
  const note = more.length ? `\n# with options, of a function of an App: function.using(${more.join(", ")}).enqueue(…)` : "";
  return `import jobtrail\n\njob = jobtrail.enqueue(${python(form.dataset.type)}${given})${note}`;
}

function twin(name, text) {
  byId(`twin-${name}`).textContent = text;
  byId(`copy-${name}`).dataset.copy = text;
}

function address(input) {
  const said = new URLSearchParams([["type", form.dataset.type]]);
  for (const name of ["title", "queue", "priority", "delay", "unique_key", "on_conflict", "tags"]) if (option(name)) said.set(name, option(name));
  const text = write(input);
  const fits = text.length <= MOST_IN_ADDRESS;
  if (fits && text !== "{}") said.set("input", text);
  byId("address-note").textContent = fits ? "What is filled in stands in the address of this page, so it can be shared." : "The input is too long for an address: it is not in the one of this page.";
  history.replaceState(history.state, "", `${location.pathname}?${said}`);
}

function changed() {
  let input;
  try { input = editor.read(); } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    const where = error.path.replace(/^input\.?/, "") || "the input";
    for (const name of ["cli", "curl", "python"]) twin(name, `# ${where}: ${error.message}`);
    return;
  }
  let body;
  try { body = options(input); } catch { body = { type: form.dataset.type, input }; }
  twin("cli", command(input));
  twin("curl", `curl --json ${quoted(write(body))} \\\n  -H "Authorization: Bearer $JOBTRAIL_API_KEY" \\\n  ${location.origin}${form.dataset.post}`);
  twin("python", code(input));
  address(input);
}

function body() {
  const said = options(editor.read());
  if (option("delay")) said.scheduled_at = new Date(Date.now() + seconds(option("delay")) * 1000).toISOString();
  return said;
}

let editor;
if (form) {
  const schema = form.dataset.schema ? parse(form.dataset.schema) : null;
  const value = form.dataset.value ? parse(form.dataset.value) : undefined;
  editor = new Editor({ fields: byId("input-fields"), area: byId("input-json"), toggle: byId("as-json"), schema, value, changed });
  form.addEventListener("submit", (event) => { event.preventDefault(); handIn(form, byId("new-wrong"), body); });
  form.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); } });
  form.querySelectorAll("[data-option]").forEach((one) => one.addEventListener("input", changed));
  changed();
}
