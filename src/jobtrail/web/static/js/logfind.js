// The search over a whole log: the server tells where a text stands, this goes from place to place and marks it.
import { ask } from "./here.js";

const WAIT_MS = 350;

/** `goTo` goes to a line; `current` tells at which line the reader is; `tell` says something of the search. */
export function finder({ section, filters, goTo, blocks, current, tell }) {
  const input = document.getElementById("log-q");
  const count = document.getElementById("log-count");
  const before = document.getElementById("log-before");
  const after = document.getElementById("log-after");
  const found = CSS.highlights ? new Highlight() : null;
  const state = { text: "", lines: [], at: -1, more: false, from: 1, asked: 0 };
  if (found) CSS.highlights.set("log-found", found);
  let waiting = null;

  function show(looked = "") {
    const total = `${state.lines.length.toLocaleString("en").replaceAll(",", "\u202f")}${state.more ? "+" : ""}`;
    const text = !state.text ? "" : !state.lines.length ? (looked ? "…" : "no match") : `${state.at + 1} of ${total}`;
    if (count.textContent !== text) count.textContent = text;
    before.disabled = after.disabled = !state.lines.length;
    tell(looked);
  }

  /** One look at a piece of the log; the server says how far it came. */
  async function piece(asked) {
    const place = new URL(`${section.dataset.api}/search`, location.href);
    for (const [name, value] of Object.entries(filters)) place.searchParams.set(name, value);
    place.searchParams.set("text", state.text);
    place.searchParams.set("from_line", state.from);
    const answer = await ask("GET", place);
    if (asked !== state.asked) return null;
    state.lines.push(...answer.lines);
    state.more = answer.capped;
    state.from = answer.looked_to + 1;
    return answer;
  }

  async function run(text, going) {
    const asked = (state.asked += 1);
    Object.assign(state, { text, lines: [], at: -1, more: false, from: 1 });
    remember(text);
    mark(blocks, true);
    if (!text) { show(); return; }
    try {
      for (;;) {
        const answer = await piece(asked);
        if (!answer) return;
        if (state.at < 0 && state.lines.length) first();
        const going = !answer.complete && !answer.capped;
        show(going ? `Looked at the lines to ${answer.looked_to} of ${answer.last_line}…` : "");
        if (!going) break;
      }
    } catch (problem) {
      tell(problem.detail ?? String(problem));
      return;
    }
    if (going && state.lines.length) await goTo(state.lines[state.at]);
    else mark(blocks, true);
  }

  /** The match at which the reader is, or the next one. */
  function first() {
    const here = current();
    const next = state.lines.findIndex((line) => line >= here);
    state.at = next < 0 ? 0 : next;
  }

  async function step(by) {
    if (!state.lines.length) return;
    if (by > 0 && state.at === state.lines.length - 1 && state.more) {
      try { await piece(state.asked); } catch (problem) { tell(problem.detail ?? String(problem)); }
    }
    state.at = (state.at + by + state.lines.length) % state.lines.length;
    show();
    await goTo(state.lines[state.at]);
  }

  function remember(text) {
    const place = new URL(location.href);
    if (text) place.searchParams.set("q", text);
    else place.searchParams.delete("q");
    history.replaceState(history.state, "", place);
  }

  /** Marks the text in lines that are shown; `anew` forgets the marks before. */
  function mark(part, anew = false) {
    if (anew) found?.clear();
    const wanted = state.text.toLowerCase();
    for (const row of part.querySelectorAll(".ln")) {
      const says = row.querySelector(".says");
      const hit = Boolean(wanted) && says.textContent.toLowerCase().includes(wanted);
      row.classList.toggle("hit", hit);
      if (hit && found) for (const range of ranges(says, wanted)) found.add(range);
    }
  }

  function* ranges(part, wanted) {
    const walk = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const low = node.data.toLowerCase();
      if (low.length !== node.data.length) continue;
      for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, at + wanted.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        yield range;
      }
    }
  }

  function look(text) {
    input.value = text;
    clearTimeout(waiting);
    return run(text, true);
  }

  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => run(input.value, true), WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {  // leaves the field; a browser would also empty it
      event.preventDefault();
      input.blur();
    }
    if (event.key !== "Enter") return;
    event.preventDefault();
    if (input.value === state.text) step(event.shiftKey ? -1 : 1);
    else look(input.value);
  });
  before.addEventListener("click", () => step(-1));
  after.addEventListener("click", () => step(1));

  return {
    look,
    mark: (part) => mark(part),
    /** Looks for what the address names; a line that it names stays the place. */
    begin() {
      if (input.value) run(input.value, !new URL(location.href).searchParams.has("line"));
    },
  };
}
