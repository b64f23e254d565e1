// Rerun with edits: what changes is shown while somebody edits, and made a new job when they send it.
import { Editor, Wrong, handIn } from "./form.js";
import { differences, drawDifferences, isObject, pairs, parse, quoted, write } from "./values.js";

const form = document.getElementById("rerun");
const byId = (id) => document.getElementById(id);
const before = parse(form.dataset.value);
let waiting = null;

/** The command that does the same: the changed fields, or the whole input where a field went away. */
function command(input) {
  const words = ["jobtrail job rerun", form.dataset.ref];
  if (!isObject(before) || !isObject(input) || Object.keys(before).some((name) => !Object.hasOwn(input, name))) {
    return [...words, "--input", quoted(write(input))].join(" ");
  }
  const changed = Object.fromEntries(Object.entries(input).filter(([name, value]) => !Object.hasOwn(before, name) || differences(before[name], value, 1).length));
  return [...words, ...pairs(changed)].join(" ");
}

function show() {
  waiting = null;
  let input;
  try { input = editor.read(); } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    byId("changes").textContent = `${error.path.replace(/^input\.?/, "") || "The input"}: ${error.message}`;
    return;
  }
  drawDifferences(byId("changes"), differences(before, input));
  byId("twin-cli").textContent = command(input);
  byId("copy-cli").dataset.copy = command(input);
}

function changed() {
  if (waiting === null) waiting = requestAnimationFrame(show);
}

const schema = form.dataset.schema ? parse(form.dataset.schema) : null;
const editor = new Editor({ fields: byId("input-fields"), area: byId("input-json"), toggle: byId("as-json"), schema, value: before, changed });
form.addEventListener("submit", (event) => { event.preventDefault(); handIn(form, byId("rerun-wrong"), () => ({ input: editor.read() })); });
form.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); } });
show();
