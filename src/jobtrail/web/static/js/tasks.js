// What an input has besides, and variants of it, written as on the command line: name=value for text, name:=JSON.

/** The pairs of a line. Quotes keep words together. Raises Error. */
function pairs(line) {
  const found = {};
  for (const [word] of line.matchAll(/(?:[^\s"']|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    const cut = word.search(/:?=/);
    if (cut < 1) throw new Error(`${word} is neither name=value nor name:=JSON`);
    const json = word[cut] === ":";
    const value = word.slice(cut + (json ? 2 : 1));
    const name = word.slice(0, cut);
    found[name] = json ? JSON.parse(unquoted(value, "'")) : unquoted(value, "\"'");
  }
  return found;
}

const unquoted = (text, signs) => (text.length > 1 && signs.includes(text[0]) && text.at(-1) === text[0] ? text.slice(1, -1) : text);

/** A line is one pair, where its value may have spaces, when nothing but one name stands in it. */
function pair(line) {
  const cut = line.search(/:?=/);
  if (cut < 1) throw new Error(`${line} is neither name=value nor name:=JSON`);
  const json = line[cut] === ":";
  const value = line.slice(cut + (json ? 2 : 1)).trim();
  return [line.slice(0, cut).trim(), json ? JSON.parse(value) : unquoted(value, "\"'")];
}

function read(box) {
  const lines = box.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const target = document.getElementById(box.dataset.pairs ?? box.dataset.variants);
  try {
    const said = box.dataset.pairs ? Object.fromEntries(lines.map(pair)) : lines.map(pairs);
    target.value = lines.length ? JSON.stringify(said) : "";
    box.setCustomValidity("");
  } catch (error) {
    box.setCustomValidity(error.message);
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-pairs], [data-variants]")) read(event.target);
});
