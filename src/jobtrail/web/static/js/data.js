// Values as trees: a branch is drawn when it is opened, and never more of it at once than a person reads.
import { isObject, parse, write } from "./values.js";

const AT_ONCE = 100;
const LONG = 400;
const OPEN_UP_TO = 40;

function node(name, value, deep) {
  const line = document.createElement("li");
  const many = Array.isArray(value) || isObject(value);
  if (!many) {
    label(line, name);
    leaf(line, value);
    return line;
  }
  const entries = Array.isArray(value) ? value.map((one, n) => [String(n), one]) : Object.entries(value);
  const fold = document.createElement("details");
  const head = document.createElement("summary");
  label(head, name);
  head.append(size(value, entries.length));
  const inside = document.createElement("ul");
  fold.append(head, inside);
  let drawn = false;
  const draw = () => {
    if (drawn) return;
    drawn = true;
    more(inside, entries, 0, deep + 1);
  };
  fold.addEventListener("toggle", () => { if (fold.open) draw(); });
  if (entries.length && (deep === 0 || (entries.length <= OPEN_UP_TO && deep < 2))) { fold.open = true; draw(); }
  line.append(fold);
  return line;
}

function more(inside, entries, from, deep) {
  for (const [name, value] of entries.slice(from, from + AT_ONCE)) inside.append(node(name, value, deep));
  const left = entries.length - from - AT_ONCE;
  if (left <= 0) return;
  const line = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-small";
  button.textContent = `${left} more`;
  button.addEventListener("click", () => { line.remove(); more(inside, entries, from + AT_ONCE, deep); });
  line.append(button);
  inside.append(line);
}

function label(box, name) {
  if (name === null) return;
  const key = document.createElement("span");
  key.className = "key";
  key.textContent = name;
  box.append(key, ": ");
}

function size(value, count) {
  const text = document.createElement("span");
  text.className = "dim";
  text.textContent = Array.isArray(value) ? `[${count}]` : `{${count}}`;
  return text;
}

function leaf(box, value) {
  const text = document.createElement("span");
  if (typeof value !== "string") {
    text.className = typeof value === "boolean" || value === null ? "word" : "number";
    text.textContent = write(value);
    box.append(text);
    return;
  }
  const file = /^data:([\w.+/-]*)[;,]/.exec(value);
  if (file) {
    text.className = "chip";
    text.textContent = `data: ${file[1] || "text/plain"}, ${value.length} characters`;
    box.append(text);
    return;
  }
  text.className = "text";
  text.textContent = write(value.slice(0, LONG)).replace(/"$/, value.length > LONG ? "…" : '"');
  box.append(text);
  if (value.length > LONG) {
    const all = document.createElement("button");
    all.type = "button";
    all.className = "btn btn-small";
    all.textContent = `all ${value.length} characters`;
    all.addEventListener("click", () => { text.textContent = value; all.remove(); });
    box.append(" ", all);
  }
}

const planted = new Map();

/** The tree of a text, with the branches that somebody has opened in it. */
function treeOf(pre) {
  const key = `${pre.getAttribute("aria-label")} ${pre.textContent}`;
  if (planted.has(key)) return planted.get(key);
  let value;
  try { value = parse(pre.textContent); } catch { return null; }
  if (!Array.isArray(value) && !isObject(value)) return null;
  const box = document.createElement("div");
  box.className = "tree-box";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", pre.getAttribute("aria-label") ?? "Value");
  const tree = document.createElement("ul");
  tree.className = "tree";
  tree.append(node(null, value, 0));
  box.append(tree);
  planted.set(key, box);
  return box;
}

function plant() {
  for (const pre of document.querySelectorAll("pre[data-tree]")) {
    const box = treeOf(pre);
    if (!box || pre.nextElementSibling === box) continue;
    if (pre.nextElementSibling?.classList.contains("tree-box")) pre.nextElementSibling.remove();
    pre.after(box);
    turn(pre, box, box.hidden);
  }
}

function turn(pre, box, asText) {
  pre.hidden = !asText;
  box.hidden = asText;
  const button = pre.closest(".payload")?.querySelector(":scope > .row [data-as-text]");
  if (!button) return;
  button.hidden = false;
  button.textContent = asText ? "As a tree" : "As text";
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-as-text]");
  const pre = button?.closest(".payload")?.querySelector(":scope > pre[data-tree]");
  if (pre?.nextElementSibling) turn(pre, pre.nextElementSibling, pre.hidden);
});

const opened = new Map();
document.addEventListener("toggle", (event) => {
  if (event.target.matches("details.payload[id]")) opened.set(event.target.id, event.target.open);
}, true);

function fresh() {
  for (const [id, open] of opened) {
    const fold = document.getElementById(id);
    if (fold && fold.open !== open) fold.open = open;
  }
  plant();
}

plant();
document.addEventListener("jobtrail:fresh", fresh);
