"""A JSON schema for people: its fields as rows, and an input that fits it as it is typed. Nothing is read or printed here."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Schema = Mapping[str, Any]

_DEEP: Final = 3
"""So far are fields of fields shown; a schema may go round in circles."""
_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true/false",
    "object": "object",
    "array": "list",
    "null": "null",
}
_FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T18:30:00Z",
    "time": "18:30:00",
    "duration": "PT5M",
    "uuid": "01900000-0000-7000-8000-000000000001",
    "uri": "https://example.com/",
    "email": "ann@example.com",
    "decimal": "1.50",
}
_LONGEST_LIST: Final = 8


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an input. `default` is JSON; None where there is none."""

    name: str
    type: str
    required: bool
    default: str | None
    what: str


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to write an input; `title` names it where there are several."""

    title: str | None
    fields: tuple[Field, ...]


def shapes(schema: Schema) -> list[Shape]:
    """The ways to write an input, each with its fields; of nested objects also theirs, as `steps[].name`."""
    whole = _resolved(schema, schema)
    ways = _union(whole)
    if not ways:
        return [Shape(None, tuple(_fields(whole, schema, "", _DEEP)))]
    found = [_resolved(way, schema) for way in ways]
    return [
        Shape(_title(way, each), tuple(_fields(each, schema, "", _DEEP))) for way, each in zip(ways, found, strict=True)
    ]


def example(schema: Schema) -> dict[str, Any]:
    """An input that fits: one that the schema shows, else its required fields with values of their types."""
    whole = _resolved(schema, schema)
    shown = whole.get("examples") or schema.get("examples") or []
    for one in shown if isinstance(shown, list) else []:
        if isinstance(one, dict):
            return one
    made = _sample(whole, schema, _DEEP + 1)
    return made if isinstance(made, dict) else {}


def typed(type: str, input: Mapping[str, Any]) -> str:
    """The command line that enqueues it."""
    words = [type]
    for name, value in input.items():
        plain = isinstance(value, str) and name and not name.endswith(":") and "=" not in name
        words.append(f"{name}={value}" if plain else f"{name}:={json.dumps(value, ensure_ascii=False)}")
    return f"jobtrail enqueue {shlex.join(words)}"


def _fields(part: Schema, schema: Schema, above: str, deep: int) -> Iterator[Field]:
    required = part.get("required", [])
    for name, given in part.get("properties", {}).items():
        if not isinstance(given, Mapping):
            continue
        one = _resolved(given, schema)
        default = json.dumps(given["default"], ensure_ascii=False) if "default" in given else None
        what = str(given.get("description") or one.get("description") or "").split("\n\n")[0]
        kind = _type(given, schema, _DEEP)
        kind = kind.removesuffix(" or null") if name not in required else kind
        yield Field(f"{above}{name}", kind, name in required, default, " ".join(what.split()))
        if deep > 1:
            below, sign = _inside(one, schema)
            yield from _fields(below, schema, f"{above}{name}{sign}.", deep - 1)


def _inside(one: Schema, schema: Schema) -> tuple[Schema, str]:
    """The fields of an object, or of what a list holds, with how they are written; nothing for all else."""
    items = one.get("items")
    if isinstance(items, Mapping):
        return _resolved(items, schema), "[]"
    real = [way for way in _union(one) if _resolved(way, schema).get("type") != "null"]
    return (_resolved(real[0], schema), "") if len(real) == 1 else (one, "")


def _type(part: Schema, schema: Schema, deep: int) -> str:
    one = _resolved(part, schema)
    if "const" in one:
        return json.dumps(one["const"], ensure_ascii=False)
    if isinstance(values := one.get("enum"), list):
        return " | ".join(str(value) for value in values)
    if (ways := _union(one)) and deep:
        kinds_of = dict.fromkeys(_type(way, schema, deep - 1) for way in ways)
        return " or ".join(kind for kind in kinds_of if kind != "whole number" or "number" not in kinds_of)
    kinds = one.get("type", "any")
    words = [_WORDS.get(str(kind), str(kind)) for kind in (kinds if isinstance(kinds, list) else [kinds])]
    if words == ["list"] and isinstance(one.get("items"), Mapping) and deep:
        words = [f"list of {_type(one['items'], schema, deep - 1)}"]
    if words == ["text"] and one.get("format"):
        words = [str(one["format"])]
    return " or ".join(words)


def _sample(part: Schema, schema: Schema, deep: int) -> Any:
    """A value that fits."""
    one = _resolved(part, schema)
    for key in ("examples", "enum"):
        if isinstance(values := one.get(key), list) and values:
            return values[0]
    for key in ("const", "default"):
        if key in one:
            return one[key]
    if ways := _union(one):
        return _sample(ways[0], schema, deep - 1) if deep else None
    kind = one.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        wanted, known = one.get("required", []), one.get("properties", {})
        return {name: _called(name, _sample(known.get(name, {}), schema, deep - 1)) for name in wanted} if deep else {}
    if kind == "array":
        count = min(int(one.get("minItems", 0)), _LONGEST_LIST)
        items = one.get("items", {})
        return [_sample(items, schema, deep - 1) for _ in range(count)] if deep else []
    return _scalar(kind, one)


def _called(name: str, value: Any) -> Any:
    """What is called an address is one, even where the schema does not say so."""
    return _FORMATS["uri"] if value == "text" and name.lower().endswith(("url", "uri")) else value


def _scalar(kind: str, one: Schema) -> Any:
    if kind in ("integer", "number"):
        low = one.get("minimum", one.get("exclusiveMinimum", 0) + 1 if "exclusiveMinimum" in one else None)
        return low if low is not None else min(1, one.get("maximum", 1))
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return str(_FORMATS.get(str(one.get("format")), "text")).ljust(int(one.get("minLength", 0)), "x")


def _union(part: Schema) -> list[Schema]:
    found = part.get("anyOf") or part.get("oneOf") or []
    return [each for each in found if isinstance(each, Mapping)]


def _title(way: Schema, one: Schema) -> str | None:
    return way.get("title") or one.get("title")


def _resolved(part: Schema, schema: Schema) -> Schema:
    """What a reference leads to, with what stands beside it; where it leads nowhere, the part itself."""
    for _ in range(_DEEP):
        reference = part.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
            break
        found = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
        if not isinstance(found, Mapping):
            break
        part = {**found, **{key: value for key, value in part.items() if key != "$ref"}}
    return part
