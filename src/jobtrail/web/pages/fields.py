"""Fields of a form, made of a JSON schema: what people fill in instead of writing JSON. Strict about nothing: what cannot
be a field of its own becomes one for JSON, and what the schema gets wrong is left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Look = Literal["text", "area", "number", "bool", "choice", "many", "list", "json", "group"]

_MOST: Final = 60
_DEEPEST: Final = 3
_LONG: Final = 200
_INPUTS: Final = {"date": "date", "email": "email", "uri": "url", "url": "url"}
_UNSAFE: Final = frozenset({"__proto__", "constructor", "prototype"})
"""Names that mean something to scripts, by which nothing can be named there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several values: as text in the form, and in words."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field. `name` is its path in the body; `reads_as` tells the browser how to read what was filled in."""

    name: str
    label: str
    look: Look
    hint: str = ""
    value: str = ""
    required: bool = False
    reads_as: str | None = None
    input_type: str = "text"
    low: float | None = None
    high: float | None = None
    step: str | None = None
    longest: int | None = None
    choices: tuple[Choice, ...] = ()
    parts: tuple[Field, ...] = ()


def fields_of(schema: Any, name: str, given: Any = None) -> list[Field]:
    """The fields of a schema under `name`; `given` are values that win over its defaults. Empty for a schema of nothing."""
    if not isinstance(schema, Mapping) or not schema:
        return []
    at = _Place(root=schema, name=name, depth=0)
    whole = _plain(schema, at)
    if _type(whole) == "object":
        return list(_properties(whole, at, given))
    return [_field(whole, at, "Answer", required=True, given=given)]


@dataclass(frozen=True, slots=True)
class _Place:
    root: Mapping[str, Any]
    name: str
    depth: int

    def below(self, key: str) -> _Place:
        return _Place(self.root, f"{self.name}.{key}", self.depth + 1)


def _properties(schema: Mapping[str, Any], at: _Place, given: Any) -> Iterator[Field]:
    found = schema.get("properties")
    wanted = schema.get("required")
    required = wanted if isinstance(wanted, list) else []
    values = given if isinstance(given, Mapping) else _default(schema, Mapping) or {}
    named = list(found.items() if isinstance(found, Mapping) else [])[:_MOST]
    for key, part in sorted(named, key=lambda one: one[0] not in required):  # the database forgets their order
        if isinstance(part, Mapping) and key and "." not in key and key not in _UNSAFE:
            yield _field(_plain(part, at), at.below(key), key, required=key in required, given=values.get(key))


def _field(schema: Mapping[str, Any], at: _Place, key: str, *, required: bool, given: Any) -> Field:
    value = schema.get("default") if given is None else given
    title, hint = schema.get("title"), schema.get("description")
    said: dict[str, Any] = {
        "name": at.name,
        "label": title if isinstance(title, str) and title.strip() else key,
        "hint": hint if isinstance(hint, str) else "",
        "required": required,
    }
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(allowed, list) and 0 < len(allowed) <= _LONG:
        return Field(look="choice", reads_as=_reads(allowed), choices=_choices(allowed, (value,)), **said)
    match _type(schema):
        case "boolean":
            return Field(
                look="bool", reads_as="bool", value="true" if value is True else "", **said | {"required": False}
            )
        case "integer" | "number" as kind:
            low, high = _number(schema.get("minimum")), _number(schema.get("maximum"))
            step = "1" if kind == "integer" else "any"
            return Field(look="number", reads_as="number", low=low, high=high, step=step, value=_text(value), **said)
        case "string":
            return _words(schema, said, value)
        case "array":
            return _array(schema, at, said, value)
        case "object" if isinstance(schema.get("properties"), Mapping) and at.depth < _DEEPEST:
            return Field(look="group", parts=tuple(_properties(schema, at, value)), **said)
    return Field(look="json", reads_as="json", value="" if value is None else _json(value), **said)


def _words(schema: Mapping[str, Any], said: dict[str, Any], value: Any) -> Field:
    longest = schema.get("maxLength")
    longest = longest if isinstance(longest, int) and longest > 0 else None
    text = _text(value)
    is_long = schema.get("format") in ("textarea", "markdown") or len(text) > _LONG or "\n" in text
    if is_long or (longest is not None and longest > _LONG):
        return Field(look="area", value=text, longest=longest, **said)
    return Field(
        look="text", value=text, longest=longest, input_type=_INPUTS.get(str(schema.get("format")), "text"), **said
    )


def _array(schema: Mapping[str, Any], at: _Place, said: dict[str, Any], value: Any) -> Field:
    items = schema.get("items")
    one = _plain(items, at) if isinstance(items, Mapping) else {}
    allowed = one.get("enum")
    chosen = value if isinstance(value, list) else []
    if isinstance(allowed, list) and allowed and all(isinstance(each, str) for each in allowed):
        return Field(look="many", reads_as="list", choices=_choices(allowed, chosen), **said | {"required": False})
    if _type(one) == "string":
        return Field(look="list", reads_as="list", value=", ".join(map(str, chosen)), **said)
    return Field(look="json", reads_as="json", value="" if value is None else _json(value), **said)


def _plain(schema: Mapping[str, Any], at: _Place) -> Mapping[str, Any]:
    """A schema without references to itself, and without the null that it also allows."""
    for _ in range(_DEEPEST):
        ref = schema.get("$ref")
        found: Any = None
        if isinstance(ref, str) and ref.startswith(("#/$defs/", "#/definitions/")):
            _, home, name = ref.split("/", 2)
            defined = at.root.get(home)
            found = defined.get(name) if isinstance(defined, Mapping) else None
        else:
            options = schema.get("anyOf") or schema.get("oneOf")
            real = (
                [one for one in options if isinstance(one, Mapping) and one.get("type") != "null"]
                if isinstance(options, list)
                else []
            )
            found = real[0] if len(real) == 1 else None
        if not isinstance(found, Mapping):
            return schema
        schema = {**found, **{key: part for key, part in schema.items() if key not in ("$ref", "anyOf", "oneOf")}}
    return schema


def _type(schema: Mapping[str, Any]) -> str | None:
    said = schema.get("type")
    if isinstance(said, list):
        real = [one for one in said if one != "null"]
        said = real[0] if len(real) == 1 else None
    if said is None and isinstance(schema.get("properties"), Mapping):
        return "object"
    return said if isinstance(said, str) else None


def _default(schema: Mapping[str, Any], of: type) -> Any:
    value = schema.get("default")
    return value if isinstance(value, of) else None


def _choices(allowed: list[Any], chosen: Any) -> tuple[Choice, ...]:
    as_text = _reads(allowed) is None
    return tuple(
        Choice(
            value=one if as_text else _json(one),
            label=one if isinstance(one, str) else _json(one),
            chosen=any(one == each and type(one) is type(each) for each in chosen),
        )
        for one in allowed
    )


def _reads(allowed: list[Any]) -> str | None:
    return None if all(isinstance(one, str) for one in allowed) else "json"


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
