// Files: the first lines of texts, one large beside its facts, those of one name side by side, and a mark on new ones.
// What a file holds is put into the page as text only.
const FIRST = 4 << 10;
const MOST = 64 << 10;
const ROWS = 200;
const COLUMNS = 40;
const texts = new Map();
const all = () => [...document.querySelectorAll(".file[data-file]")];
const known = new Set(all().map((one) => one.dataset.file));
const newest = all().reduce((last, one) => (one.dataset.made > last ? one.dataset.made : last), "");

/** The first bytes of a file as text. Raises Error. */
async function head(address, bytes) {
  const answer = await fetch(address, { headers: { Range: `bytes=0-${bytes - 1}` } });
  if (!answer.ok) throw new Error(answer.status === 404 ? "Its bytes are not on this server." : `The server answered ${answer.status}.`);
  return new TextDecoder().decode(await answer.arrayBuffer());
}

const make = (tag, text, style) => {
  const one = document.createElement(tag);
  if (text !== undefined) one.textContent = text;
  if (style) one.className = style;
  return one;
};

// Tiles

async function fill(box) {
  const address = box.dataset.text;
  if (!texts.has(address)) {
    texts.set(address, "…");
    const bytes = Math.min(FIRST, Number(box.dataset.size) || 1);
    texts.set(address, Number(box.dataset.size) ? await head(address, bytes).catch((error) => error.message) : "(empty)");
  }
  const now = document.querySelectorAll(`[data-text="${CSS.escape(address)}"]`);
  for (const one of now) one.textContent = texts.get(address).slice(0, 1200);
}

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { watcher.unobserve(entry.target); fill(entry.target); }
}, { rootMargin: "200px" });

function fresh() {
  for (const box of document.querySelectorAll("[data-text]")) {
    if (texts.has(box.dataset.text)) box.textContent = texts.get(box.dataset.text).slice(0, 1200);
    else watcher.observe(box);
  }
  for (const file of all()) {
    const badge = file.querySelector(".fresh");
    if (badge) badge.hidden = known.has(file.dataset.file) || file.dataset.made <= newest;
  }
}

// One file large

function rowsOf(text) {
  const comma = [",", ";", "\t"].map((one) => [text.split("\n", 1)[0].split(one).length, one]).sort((a, b) => b[0] - a[0])[0][1];
  const rows = [[""]];
  let inside = false;
  for (let at = 0; at < text.length && rows.length <= ROWS; at += 1) {
    const row = rows.at(-1);
    const sign = text[at];
    if (inside && sign === '"' && text[at + 1] === '"') { row[row.length - 1] += '"'; at += 1; }
    else if (sign === '"') inside = !inside;
    else if (!inside && sign === comma) row.push("");
    else if (!inside && sign === "\n") rows.push([""]);
    else if (inside || sign !== "\r") row[row.length - 1] += sign;
  }
  if (rows.at(-1).length === 1 && rows.at(-1)[0] === "") rows.pop();
  return rows.slice(0, ROWS).map((row) => row.slice(0, COLUMNS));
}

function table(text, whole) {
  const rows = rowsOf(text);
  if (!whole && rows.length > 1) rows.pop();
  const frame = make("div", undefined, "scroll");
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", "Rows");
  const made = make("table", undefined, "table dense");
  rows.forEach((cells, index) => {
    const line = make("tr");
    for (const cell of cells) {
      const box = make(index ? "td" : "th", cell);
      if (!index) box.scope = "col";
      line.append(box);
    }
    (index ? made.tBodies[0] ?? made.createTBody() : made.createTHead()).append(line);
  });
  frame.append(made);
  return frame;
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function text(file, stand) {
  const { look, content, media } = file.dataset;
  const size = Number(file.dataset.size);
  const whole = size <= MOST;
  const found = size ? await head(content, Math.min(size, MOST)).catch((error) => error.message) : "";
  if (look === "csv") stand.replaceChildren(table(found, whole));
  else {
    const box = make("pre", whole && /json$/.test(media.split(";")[0]) && !/\d{16}/.test(found) ? pretty(found) : found || "(empty)");
    box.tabIndex = 0;
    stand.replaceChildren(box);
  }
  if (!whole) stand.append(make("p", `The first 64 kB of ${file.dataset.sizeShown}; download it for the rest.`, "note"));
}

/** What of a file can be shown, in full size. */
function view(file, stand) {
  const { look, content, name } = file.dataset;
  if (look === "image" || look === "video" || look === "audio") {
    const one = make({ image: "img", video: "video", audio: "audio" }[look]);
    one.src = content;
    if (look === "image") one.alt = name;
    else { one.controls = true; one.setAttribute("aria-label", name); }
    stand.replaceChildren(one);
    return one;
  }
  if (look === "text" || look === "csv") {
    stand.replaceChildren(make("p", "…", "dim"));
    text(file, stand);
  } else {
    const why = look === "big" ? "It is too large to be shown by itself." : "Files of this type are saved, not shown: what they hold could act.";
    stand.replaceChildren(make("p", why, "empty"));
  }
  return null;
}

function facts(file, media) {
  const list = make("dl", undefined, "facts");
  const add = (name, value) => {
    const said = make("dd", value);
    list.append(make("dt", name), said);
    return said;
  };
  const { dataset } = file;
  add("Type", dataset.media);
  const size = add("Size", dataset.sizeShown);
  add("SHA-256", dataset.digest).classList.add("mono");
  add("Made", `${dataset.made}${dataset.by ? `, ${dataset.by}` : ""}`);
  if (dataset.cli) {
    const copy = make("button", dataset.cli, "id mono");
    copy.type = "button";
    copy.dataset.copy = dataset.cli;
    const said = make("dd");
    said.append(copy);
    list.append(make("dt", "Command"), said);
  }
  if (media?.tagName === "IMG") media.addEventListener("load", () => { size.textContent = `${media.naturalWidth} × ${media.naturalHeight} · ${dataset.sizeShown}`; });
  if (media?.tagName === "VIDEO") media.addEventListener("loadedmetadata", () => { size.textContent = `${media.videoWidth} × ${media.videoHeight} · ${Math.round(media.duration * 10) / 10} s · ${dataset.sizeShown}`; });
  return list;
}

function box() {
  const found = document.getElementById("lightbox");
  if (found) return found;
  const dialog = make("dialog");
  dialog.id = "lightbox";
  dialog.setAttribute("aria-labelledby", "lightbox-title");
  dialog.addEventListener("close", () => dialog.querySelectorAll("video, audio").forEach((one) => one.pause()));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && !event.target.closest("video, audio, pre, [role=region]")) { event.preventDefault(); go(step); }
  });
  document.body.append(dialog);
  return dialog;
}

const button = (label, does, text = label) => {
  const one = make("button", text, "btn");
  one.type = "button";
  if (text !== label) one.setAttribute("aria-label", label);
  one.addEventListener("click", does);
  return one;
};

let at = null;

function neighbours() {
  const found = document.querySelector(`.file[data-file="${CSS.escape(at)}"]`);
  return found ? [...found.parentElement.querySelectorAll(".file[data-file]")] : [];
}

function go(step) {
  const files = neighbours();
  const next = files[files.findIndex((one) => one.dataset.file === at) + step];
  if (next) open(next);
}

function headOf(title, ...more) {
  const row = make("div", undefined, "row");
  const name = make("h2", title);
  name.id = "lightbox-title";
  const space = make("span", undefined, "space");
  row.append(name, space, ...more, button("Close", () => box().close(), "✕"));
  return row;
}

function open(file) {
  at = file.dataset.file;
  const dialog = box();
  const stand = make("div", undefined, "stand");
  const media = view(file, stand);
  const save = make("a", "Download", "btn");
  save.href = file.dataset.content;
  save.download = file.dataset.name;
  const files = neighbours();
  const index = files.indexOf(file);
  const moves = files.length > 1 ? [button("Previous file", () => go(-1), "◂"), button("Next file", () => go(1), "▸")] : [];
  if (moves.length) { moves[0].disabled = index === 0; moves[1].disabled = index === files.length - 1; }
  dialog.replaceChildren(headOf(file.dataset.name, ...moves, save), stand, facts(file, media));
  if (!dialog.open) dialog.showModal();
}

/** Files of one name side by side, the first one first. */
function compare(ids) {
  const found = ids.map((id) => document.querySelector(`.file[data-file="${CSS.escape(id)}"]`)).filter(Boolean);
  if (found.length < 2) return;
  const dialog = box();
  const side = make("div", undefined, "two");
  for (const file of found) {
    const figure = make("figure");
    const stand = make("div", undefined, "stand");
    view(file, stand);
    figure.append(stand, make("figcaption", `${file.dataset.by || "uploaded"} · ${file.dataset.sizeShown} · ${file.dataset.made} · sha256 ${file.dataset.digest.slice(0, 12)}`));
    side.append(figure);
  }
  const same = new Set(found.map((one) => one.dataset.digest)).size === 1;
  const said = make("p", same ? "They hold the same bytes." : "They differ.", "dim");
  dialog.replaceChildren(headOf(found[0].dataset.name), said, side);
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("click", (event) => {
  const file = event.target.closest("[data-lightbox]")?.closest(".file[data-file]");
  if (file) open(file);
  const many = event.target.closest("[data-compare]");
  if (many) compare(many.dataset.compare.split(" "));
});
document.addEventListener("jobtrail:fresh", fresh);
fresh();
