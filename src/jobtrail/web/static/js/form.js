// A form made of a JSON schema: fields for what has a shape, JSON for the rest. What stands in a value and in no schema is kept.
import { ask } from "./here.js";
import { isObject, parse, whole, write } from "./values.js";

const DEEPEST = 4;
const LONG = 80;
let count = 0;

/** Something in the form that cannot be read; `path` says where. */
export class Wrong extends Error {
  constructor(path, message) {
    super(message);
    this.path = path;
  }
}

function element(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, String(value));
  }
  made.append(...inside.filter((one) => one !== null));
  return made;
}

/** A schema without references and without "or null". */
function plain(schema, root, deep = 0) {
  if (!isObject(schema) || deep > 20) return {};
  if (typeof schema.$ref === "string" && schema.$ref.startsWith("#/")) {
    let found = root;
    for (const part of schema.$ref.slice(2).split("/")) found = found?.[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")];
    const { $ref, ...rest } = schema;
    return { ...plain(found, root, deep + 1), ...rest };
  }
  const ways = (schema.anyOf ?? schema.oneOf ?? []).filter((one) => one?.type !== "null");
  if (ways.length === 1) {
    const { anyOf, oneOf, ...rest } = schema;
    return { ...plain(ways[0], root, deep + 1), ...rest };
  }
  if (Array.isArray(schema.type)) {
    const types = schema.type.filter((one) => one !== "null");
    if (types.length === 1) return { ...schema, type: types[0] };
  }
  if (Array.isArray(schema.allOf) && schema.allOf.length === 1) return { ...plain(schema.allOf[0], root, deep + 1), ...schema, allOf: undefined };
  return schema;
}

/** The several shapes that a schema allows; one, if there is no choice. */
export function shapes(schema) {
  const ways = (schema?.anyOf ?? schema?.oneOf ?? []).map((one) => plain(one, schema)).filter((one) => one.type === "object" || one.properties);
  return ways.length > 1 ? ways : [plain(schema, schema)];
}

/** A part of the form: its element, and `read`, which answers its value, undefined for none, or throws Wrong.
 *  A default is shown, and said only by whoever touched it: then what is not said stays not said. */
export function build(schema, root, value, place = {}) {
  const one = plain(schema, root);
  if (value !== undefined || one.default === undefined || place.required) return made(one, root, value ?? one.default, place);
  const part = made(one, root, one.default ?? undefined, place);
  let touched = false;
  for (const what of ["input", "change"]) part.element.addEventListener(what, () => { touched = true; });
  return { element: part.element, read: () => (touched ? part.read() : undefined) };
}

function made(one, root, given, { path = "input", name = "", required = false, deep = 0 }) {
  if (deep === 0 && !(one.type === "object" || one.properties)) return asJson(one, given, path, name, required);
  if (one.const !== undefined) return constant(one, path, name, required);
  if (Array.isArray(one.enum)) return choice(one, given, path, name, required);
  switch (one.type) {
    case "boolean": return yesNo(one, given, path, name, required);
    case "integer": case "number": return number(one, given, path, name, required);
    case "string": return text(one, given, path, name, required);
    case "array": return deep < DEEPEST && isObject(one.items) && !one.prefixItems ? list(one, root, given, path, name, required, deep) : asJson(one, given, path, name, required);
    case "object": return one.properties && deep < DEEPEST ? group(one, root, given, path, name, required, deep) : asJson(one, given, path, name, required);
    default: return asJson(one, given, path, name, required);
  }
}

function labelled(one, path, name, required, control) {
  count += 1;
  control.id = `v-${count}`;
  const label = element("label", { for: control.id }, name || one.title || "Input");
  if (required) label.append(element("span", { class: "bad", "aria-hidden": "true" }, " *"));
  const about = one.description ? element("p", { class: "dim about", id: `v-${count}-about` }, one.description.split("\n\n")[0]) : null;
  if (about) control.setAttribute("aria-describedby", about.id);
  if (required) control.setAttribute("aria-required", "true");
  return element("div", { class: "field", "data-at": path }, label, control, about);
}

function constant(one, path, name, required) {
  const input = element("input", { value: typeof one.const === "string" ? one.const : write(one.const), readonly: true });
  return { element: labelled(one, path, name, required, input), read: () => one.const };
}

function choice(one, given, path, name, required) {
  const select = element("select");
  const texts = one.enum.filter((each) => each !== null);
  if (!required || given === undefined || given === null) select.append(element("option", { value: "" }, required ? "choose" : "—"));
  texts.forEach((each, n) => select.append(element("option", { value: n, selected: given !== undefined && write(each) === write(given) }, typeof each === "string" ? each : write(each))));
  const read = () => {
    if (select.value !== "") return texts[Number(select.value)];
    if (required) throw new Wrong(path, "choose one");
    return undefined;
  };
  return { element: labelled(one, path, name, required, select), read };
}

function yesNo(one, given, path, name, required) {
  if (given === undefined && !required) {
    const select = element("select", {}, element("option", { value: "" }, "—"), element("option", { value: "true" }, "yes"), element("option", { value: "false" }, "no"));
    return { element: labelled(one, path, name, required, select), read: () => (select.value ? select.value === "true" : undefined) };
  }
  const box = element("input", { type: "checkbox", checked: given === true });
  return { element: labelled(one, path, name, required, box), read: () => box.checked };
}

function number(one, given, path, name, required) {
  const input = element("input", { inputmode: one.type === "integer" ? "numeric" : "decimal", value: given === undefined || given === null ? "" : write(given), autocomplete: "off" });
  const read = () => {
    const said = input.value.trim();
    if (!said) {
      if (required) throw new Wrong(path, "a number is needed");
      return undefined;
    }
    const value = whole(said) ?? (one.type === "number" && Number.isFinite(Number(said)) ? Number(said) : undefined);
    if (value === undefined) throw new Wrong(path, one.type === "integer" ? "this must be a whole number" : "this must be a number");
    const size = Number(said);
    if (one.minimum !== undefined && size < one.minimum) throw new Wrong(path, `at least ${one.minimum}`);
    if (one.maximum !== undefined && size > one.maximum) throw new Wrong(path, `at most ${one.maximum}`);
    if (one.exclusiveMinimum !== undefined && size <= one.exclusiveMinimum) throw new Wrong(path, `more than ${one.exclusiveMinimum}`);
    if (one.exclusiveMaximum !== undefined && size >= one.exclusiveMaximum) throw new Wrong(path, `less than ${one.exclusiveMaximum}`);
    return value;
  };
  return { element: labelled(one, path, name, required, input), read };
}

function text(one, given, path, name, required) {
  const said = typeof given === "string" ? given : given === undefined || given === null ? "" : write(given);
  const many = said.length > LONG || said.includes("\n") || /prompt|text|body|content|script|message|description/i.test(name);
  const input = many ? element("textarea", { rows: Math.min(Math.max(said.split("\n").length, 3), 12), spellcheck: "false" }) : element("input", { autocomplete: "off", spellcheck: "false" });
  input.value = said;
  let touched = said !== "" || given === "";
  input.addEventListener("input", () => { touched = true; });
  const read = () => {
    if (input.value === "" && !(touched && given === "")) {
      if (required && (one.minLength ?? 1) > 0) throw new Wrong(path, "this is needed");
      return required ? "" : undefined;
    }
    if (one.maxLength !== undefined && [...input.value].length > one.maxLength) throw new Wrong(path, `at most ${one.maxLength} characters`);
    if (one.minLength !== undefined && [...input.value].length < one.minLength) throw new Wrong(path, `at least ${one.minLength} characters`);
    return input.value;
  };
  return { element: labelled(one, path, name, required, input), read };
}

function asJson(one, given, path, name, required) {
  const said = given === undefined ? "" : write(given, 2);
  const area = element("textarea", { rows: Math.min(Math.max(said.split("\n").length, 2), 14), spellcheck: "false", placeholder: "JSON" });
  area.value = said;
  const read = () => {
    if (!area.value.trim()) {
      if (required) throw new Wrong(path, "this is needed, as JSON");
      return undefined;
    }
    try { return parse(area.value); } catch (error) { throw new Wrong(path, `not JSON: ${error.message}`); }
  };
  return { element: labelled(one, path, `${name || "Input"}${deepless(name) ? " (JSON)" : ""}`, required, area), read };
}

const deepless = (name) => Boolean(name);

function list(one, root, given, path, name, required, deep) {
  const items = [];
  const box = element("div", { class: "items" });
  const add = element("button", { type: "button", class: "btn btn-small" }, "Add");
  const about = one.description ? element("p", { class: "dim about" }, one.description.split("\n\n")[0]) : null;
  const legend = element("legend", {}, name || one.title || "List");
  if (required) legend.append(element("span", { class: "bad", "aria-hidden": "true" }, " *"));
  const outer = element("fieldset", { class: "group", "data-at": path }, legend, about, box, add);

  function put(value) {
    const part = build(one.items, root, value, { path: `${path}.${items.length}`, name: `${name} ${items.length + 1}`, required: true, deep: deep + 1 });
    const drop = element("button", { type: "button", class: "btn btn-plain btn-small" }, "Remove");
    const line = element("div", { class: "item" }, part.element, drop);
    const entry = { part, line };
    drop.addEventListener("click", () => {
      items.splice(items.indexOf(entry), 1);
      line.remove();
      outer.dispatchEvent(new Event("input", { bubbles: true }));
    });
    items.push(entry);
    box.append(line);
    return part;
  }

  add.addEventListener("click", () => {
    put(undefined).element.querySelector("input, textarea, select")?.focus();
    outer.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const stood = Array.isArray(given);
  if (stood) given.forEach(put);
  const read = () => {
    if (!items.length && !stood && !required) return undefined;
    return items.map(({ part }) => part.read());
  };
  return { element: outer, read };
}

function group(one, root, given, path, name, required, deep) {
  const said = isObject(given) ? given : {};
  const needs = Array.isArray(one.required) ? one.required : [];
  const rank = (key) => (needs.includes(key) ? needs.indexOf(key) : needs.length);
  const parts = Object.entries(one.properties).filter(([, each]) => isObject(each)).sort(([a], [b]) => rank(a) - rank(b)).map(([key, each]) => [
    key, build(each, root, Object.hasOwn(said, key) ? said[key] : undefined, { path: `${path}.${key}`, name: key, required: needs.includes(key), deep: deep + 1 }), Object.hasOwn(said, key),
  ]);
  const strange = Object.fromEntries(Object.entries(said).filter(([key]) => !Object.hasOwn(one.properties, key)));
  const more = one.additionalProperties !== false || Object.keys(strange).length
    ? asJson({ description: "Other fields, as JSON" }, Object.keys(strange).length ? strange : undefined, `${path}.*`, "more", false) : null;
  const needed = parts.filter(([key, , stood]) => needs.includes(key) || stood).map(([, part]) => part.element);
  const others = parts.filter(([key, , stood]) => !needs.includes(key) && !stood).map(([, part]) => part.element);
  const few = parts.length <= 6;
  const rest = few ? [] : others;
  const fold = rest.length || more ? element("details", { class: "more-fields" }, element("summary", {}, rest.length ? `${rest.length} more fields` : "Other fields"), ...rest, more?.element ?? null) : null;
  const shown = few ? parts.map(([, part]) => part.element) : needed;
  const legend = deep ? element("legend", {}, name || one.title || "") : null;
  const about = deep && one.description ? element("p", { class: "dim about" }, one.description.split("\n\n")[0]) : null;
  const outer = element(deep ? "fieldset" : "div", { class: deep ? "group" : "fields", "data-at": path }, legend, about, ...shown, fold);
  if (more && Object.keys(strange).length) fold.open = true;
  const read = () => {
    const made = {};
    const wrongs = [];
    let extra;
    for (const reader of [() => { extra = more?.read(); }, ...parts.map(([key, part]) => () => {
      const value = part.read();
      if (value !== undefined) Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true });
    })]) {
      try { reader(); } catch (error) { if (error instanceof Wrong) wrongs.push(error); else throw error; }
    }
    if (wrongs.length && (required || deep === 0 || Object.keys(made).length)) throw wrongs[0];
    if (extra !== undefined && !isObject(extra)) throw new Wrong(`${path}.*`, "this must be an object: {…}");
    const all = { ...made, ...(extra ?? {}) };
    return deep && !required && !Object.keys(all).length && !isObject(given) ? undefined : ordered(all, said);
  };
  return { element: outer, read };
}

/** The same fields, in the order in which they stood before. */
function ordered(value, before) {
  const names = [...Object.keys(before).filter((key) => Object.hasOwn(value, key)), ...Object.keys(value).filter((key) => !Object.hasOwn(before, key))];
  return Object.fromEntries(names.map((key) => [key, value[key]]));
}

/** The part of a form that edits an input: fields, or JSON where somebody wants that. */
export class Editor {
  constructor({ fields, area, toggle, schema, value, changed }) {
    Object.assign(this, { fields, area, toggle, schema, changed });
    this.start = value;
    this.part = null;
    const asText = !schema;
    if (toggle) {
      toggle.checked = asText;
      toggle.disabled = asText;
      toggle.addEventListener("change", () => this.turn());
    }
    this.draw(value);
    fields.addEventListener("input", () => changed());
    fields.addEventListener("change", () => changed());
    area.addEventListener("input", () => changed());
  }

  get isText() { return this.toggle.checked; }

  draw(value) {
    this.area.value = write(value ?? {}, 2);
    this.fields.hidden = this.isText;
    this.area.closest(".field").hidden = !this.isText;
    if (!this.schema) return;
    const ways = shapes(this.schema);
    const fits = ways.findIndex((one) => isObject(value) && (one.required ?? []).every((key) => Object.hasOwn(value, key)));
    this.way ??= Math.max(fits, 0);
    const chosen = ways.length > 1 ? this.chooser(ways, value) : null;
    this.part = build(ways[this.way], this.schema, value, { required: true });
    this.fields.replaceChildren(...[chosen, this.part.element].filter(Boolean));
  }

  chooser(ways, value) {
    count += 1;
    const select = element("select", { id: `v-${count}` });
    ways.forEach((one, n) => select.append(element("option", { value: n, selected: n === this.way }, one.title ?? `Shape ${n + 1}`)));
    select.addEventListener("change", () => {
      this.way = Number(select.value);
      this.draw(value);
      this.changed();
    });
    return element("div", { class: "field" }, element("label", { for: select.id }, "Shape"), select);
  }

  turn() {
    try {
      const value = this.isText ? this.part.read() : parse(this.area.value || "{}");
      this.draw(value);
    } catch (error) {
      if (!this.isText) this.toggle.checked = true;
      else this.draw(this.start);
      this.wrong(error);
    }
    this.changed();
  }

  wrong() { /* whoever uses it shows what was wrong when it is sent */ }

  /** The input. Throws Wrong. */
  read() {
    if (!this.isText) return this.part.read();
    try { return parse(this.area.value || "{}"); } catch (error) { throw new Wrong("input", `not JSON: ${error.message}`); }
  }
}

/** Takes away what was told to be wrong in a form. */
export function clear(form) {
  form.querySelectorAll(".wrong").forEach((one) => one.remove());
  form.querySelectorAll("[data-wrong]").forEach((one) => delete one.dataset.wrong);
  form.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
}

/** Tells at a field what is wrong with it: at the nearest one that there is. Answers whether there was any. */
export function complain(form, path, message) {
  const spots = [...form.querySelectorAll("[data-at]")].filter((one) => one.offsetParent !== null || one.closest("details:not([open])"));
  const fitting = spots.filter((one) => path === one.dataset.at || path.startsWith(`${one.dataset.at}.`)).sort((a, b) => b.dataset.at.length - a.dataset.at.length);
  const box = fitting[0];
  if (!box) return false;
  for (let fold = box.closest("details:not([open])"); fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
  const said = element("p", { class: "wrong" }, message);
  box.append(said);
  box.dataset.wrong = "";
  const control = box.querySelector("input, textarea, select");
  control?.setAttribute("aria-invalid", "true");
  control?.focus();
  box.addEventListener("input", () => {
    said.remove();
    delete box.dataset.wrong;
    control?.removeAttribute("aria-invalid");
  }, { once: true });
  return true;
}

/** Hands a form in and goes to the job that it makes. `body` makes what is sent, or throws Wrong; what is wrong is told where it
 *  is wrong, or in the box. */
export async function handIn(form, box, body) {
  const tell = (text) => { box.textContent = text; box.hidden = false; };
  clear(form);
  box.hidden = true;
  let said;
  try { said = body(); } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    if (!complain(form, error.path, error.message)) tell(error.message);
    return;
  }
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    const answer = await ask("POST", form.dataset.post, said);
    location.assign(form.dataset.goto + answer.id);
  } catch (problem) {
    if (problem instanceof Error) throw problem;
    const told = (problem.errors ?? []).filter((one) => complain(form, one.path, one.message));
    if (!told.length) tell(problem.detail);
  } finally {
    button.disabled = false;
  }
}
