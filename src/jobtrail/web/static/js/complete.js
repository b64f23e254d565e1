// What a search may go on with: its keys, the words of a key, the types and queues that there are. The browser offers it.
import { ask } from "./here.js";

const MOST = 40;
const KEYS = ["status:", "type:", "queue:", "tag:", "wait:", "error:", "input.", "priority:", "attempts>", "duration>", "age<", "stage:", "id:"];
const field = document.getElementById("q");
const offers = document.getElementById("q-offers");
const list = document.getElementById("list");
const words = JSON.parse(field.dataset.words);

/** A value as a search has it: in quotation marks, where it could be read otherwise. */
const said = (value) => (/^[\w./@-]+$/.test(value) ? value : `"${value}"`);

/** The searches that begin as this one does. */
export function completions(text, known) {
  const cut = text.lastIndexOf(" ") + 1;
  const [before, word] = [text.slice(0, cut), text.slice(cut)];
  if ((text.split('"').length - 1) % 2) return [];
  const [, no, key, value] = /^(-?)(?:(\w+):)?(.*)$/.exec(word);
  if (key === undefined) return word && word !== "-" ? KEYS.filter((one) => one.startsWith(value) && one !== value).map((one) => before + no + one) : [];
  const last = value.lastIndexOf(",") + 1;
  const taken = value.slice(0, last).split(",");
  const begun = value.slice(last).toLowerCase();
  return (known[key] ?? []).filter((one) => one.toLowerCase().startsWith(begun) && !taken.includes(one) && !one.includes('"'))
    .map((one) => `${before}${no}${key}:${value.slice(0, last)}${said(one)}`).filter((one) => one !== text);
}

function offer() {
  words.tag = [...new Set([...document.querySelectorAll("#rows .c-tags .tag")].map((one) => one.textContent))];
  const found = completions(field.value, words).slice(0, MOST);
  offers.replaceChildren(...found.map((value) => Object.assign(document.createElement("option"), { value })));
}

async function learn() {
  const api = list.dataset.jobsApi.replace(/jobs$/, "");
  for (const [key, path, name] of [["type", "types", "type"], ["queue", "queues", "queue"]]) {
    const answer = await ask("GET", api + path).catch(() => null); // not everybody may see them; then they are not offered
    words[key] = (answer?.items ?? []).map((one) => one[name]);
  }
  offer();
}

field.addEventListener("focus", learn, { once: true });
field.addEventListener("input", offer);
if (document.activeElement === field) learn();
