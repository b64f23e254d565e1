// JSON as it was written: whole numbers keep all their digits, also where a script's own numbers would lose some.

const isRaw = (value) => Boolean(JSON.isRawJSON?.(value));

/** Whether a value has parts with names. */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && !isRaw(value);

/** The value of a JSON text. Throws a SyntaxError. */
export function parse(text) {
  return JSON.parse(text, (key, value, said) => {
    const lost = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
    return lost && said?.source && JSON.rawJSON && /^-?\d+$/.test(said.source) ? JSON.rawJSON(said.source) : value;
  });
}

/** A whole number of any length as a value, or undefined for what is none. */
export function whole(text) {
  if (!/^-?(0|[1-9]\d*)$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) || !JSON.rawJSON ? value : JSON.rawJSON(text);
}

/** A value as JSON. */
export const write = (value, indent = 0) => JSON.stringify(value, null, indent);

/** Whether two values are the same JSON, whatever the order of their keys. */
export function same(one, other) {
  return differences(one, other, 1).length === 0;
}

/** Where two values differ: [path, before, after] as JSON, a missing side undefined. Keys in order. */
export function differences(before, after, most = 200, path = "", found = []) {
  if (found.length >= most) return found;
  if (isObject(before) && isObject(after)) {
    for (const name of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
      const at = path ? `${path}.${name}` : name;
      if (!Object.hasOwn(before, name)) found.push([at, undefined, write(after[name])]);
      else if (!Object.hasOwn(after, name)) found.push([at, write(before[name]), undefined]);
      else differences(before[name], after[name], most, at, found);
    }
  } else if (Array.isArray(before) && Array.isArray(after)) {
    for (let n = 0; n < Math.max(before.length, after.length) && found.length < most; n += 1) {
      const at = `${path}[${n}]`;
      if (n >= before.length) found.push([at, undefined, write(after[n])]);
      else if (n >= after.length) found.push([at, write(before[n]), undefined]);
      else differences(before[n], after[n], most, at, found);
    }
  } else if (write(before) !== write(after)) {
    found.push([path || "(all)", before === undefined ? undefined : write(before), after === undefined ? undefined : write(after)]);
  }
  return found;
}

/** Draws differences as a table into a box. */
export function drawDifferences(box, found) {
  if (!found.length) {
    const none = document.createElement("p");
    none.className = "dim";
    none.textContent = "Nothing: it is the same.";
    box.replaceChildren(none);
    return;
  }
  const lines = [];
  for (const [path, before, after] of found) {
    const line = document.createElement("div");
    line.className = "change";
    const where = document.createElement("code");
    where.textContent = path;
    line.append(where);
    for (const [sign, text, style] of [["−", before, "was"], ["+", after, "is"]]) {
      if (text === undefined) continue;
      const side = document.createElement("div");
      side.className = style;
      side.textContent = `${sign} ${text.length > 1000 ? `${text.slice(0, 1000)}…` : text}`;
      line.append(side);
    }
    lines.push(line);
  }
  box.replaceChildren(...lines);
}

/** A word for a command line. */
export const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);

/** The words that say an input on a command line: name=value, name:=JSON. */
export function pairs(input) {
  if (!isObject(input)) return null;
  return Object.entries(input).map(([name, value]) => {
    const plain = typeof value === "string" && name && !name.endsWith(":") && !name.includes("=");
    return quoted(plain ? `${name}=${value}` : `${name}:=${write(value)}`);
  });
}

/** A value as Python writes it. */
export function python(value) {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (isObject(value)) return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${python(one)}`).join(", ")}}`;
  return write(value);
}
