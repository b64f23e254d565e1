"""Holds an answer against the JSON schema of a form. It knows the keywords by which forms are described; others, which
cannot be broken by what a form can say, are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

_DEEPEST: Final = 16
_MOST_FAULTS: Final = 20
_MOST_PATTERN: Final = 200
_MOST_MATCHED: Final = 1_000
_MOST_TRIES: Final = 5_000_000
_MOST_EFFORT: Final = 20_000
_SLOW: Final = re.compile(r"\)[*+{?]|\\[1-9]|\(\?[^:]")  # repeated groups, what refers back, and what looks around
_ATOM: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_REPEAT: Final = re.compile(r"[*+?]|\{(\d*)(,?)(\d*)\}")
_NAMES: Final = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


def wants_object(schema: Mapping[str, Any]) -> bool:
    """Whether a form asks for several named answers rather than for one."""
    said = schema.get("type")
    return said == "object" or (said is None and ("properties" in schema or "$ref" in schema or not schema))


def faults(schema: Any, value: Any, at: str) -> dict[str, str]:
    """What is wrong with a value, by path, at most 20 of them; empty when it fits."""
    found: dict[str, str] = {}
    _Check(schema if isinstance(schema, Mapping) else {}, found, _Effort()).look(schema, value, at, 0)
    return found


@dataclass(slots=True)
class _Effort:
    """What a check may still cost: a schema whose parts refer to each other could ask for more than anybody waits for."""

    left: int = _MOST_EFFORT


class _Check:
    """One value against one schema, which may refer to its own parts."""

    def __init__(self, root: Mapping[str, Any], found: dict[str, str], effort: _Effort) -> None:
        self._root, self._found, self._effort = root, found, effort

    def look(self, schema: Any, value: Any, at: str, depth: int) -> None:
        """Notes what is wrong, the first thing of each place."""
        if schema is False:
            self._wrong(at, "is not asked for")
        if not isinstance(schema, Mapping) or depth > _DEEPEST or len(self._found) >= _MOST_FAULTS:
            return None
        self._effort.left -= 1 + sum(map(_size_of, schema.values())) // 16
        if self._effort.left < 0:
            return self._wrong(at, "is too much to be checked")
        schema = self._resolved(schema)
        kinds = schema.get("type")
        named = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
        known = [kind for kind in named if kind in _NAMES]
        if known and not any(_is(kind, value) for kind in known):
            return self._wrong(at, f"must be {' or '.join(_NAMES[kind] for kind in known)}")
        self._choices(schema, value, at)
        self._any(schema, value, at, depth)
        for part in _list(schema, "allOf"):
            self.look(part, value, at, depth + 1)
        if isinstance(value, Mapping):
            self._object(schema, value, at, depth)
        elif isinstance(value, list):
            self._array(schema, value, at, depth)
        elif isinstance(value, str):
            self._text(schema, value, at)
        elif _is("number", value):
            self._number(schema, value, at)
        return None

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_DEEPEST):
            ref = schema.get("$ref")
            if not isinstance(ref, str) or not ref.startswith(("#/$defs/", "#/definitions/")):
                break
            _, home, name = ref.split("/", 2)
            defined = self._root.get(home)
            found = defined.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(defined, Mapping) else None
            if not isinstance(found, Mapping):
                break
            schema = {**found, **{key: part for key, part in schema.items() if key != "$ref"}}
        return schema

    def _choices(self, schema: Mapping[str, Any], value: Any, at: str) -> None:
        allowed = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(allowed, list) and not any(_same(one, value) for one in allowed):
            shown = ", ".join(str(one) for one in allowed[:8])
            self._wrong(at, f"must be one of {shown}" if len(allowed) > 1 else f"must be {shown}")

    def _any(self, schema: Mapping[str, Any], value: Any, at: str, depth: int) -> None:
        options = _list(schema, "anyOf") or _list(schema, "oneOf")
        tried = []
        for option in options:
            found: dict[str, str] = {}
            _Check(self._root, found, self._effort).look(option, value, at, depth + 1)
            if not found:
                return
            tried.append(found)
        if tried:
            for path, fault in max(tried, key=lambda one: max(map(len, one))).items():  # of the one that went deepest
                self._wrong(path, fault)

    def _object(self, schema: Mapping[str, Any], value: Mapping[str, Any], at: str, depth: int) -> None:
        found = schema.get("properties")
        properties = found if isinstance(found, Mapping) else {}
        for key in _list(schema, "required"):
            if isinstance(key, str) and key not in value:
                self._wrong(f"{at}.{key}", "is missing")
        for key, each in value.items():
            if key in properties:
                self.look(properties[key], each, f"{at}.{key}", depth + 1)
            elif schema.get("additionalProperties") is False:
                self._wrong(f"{at}.{key}", "is not asked for")
            else:
                self.look(schema.get("additionalProperties"), each, f"{at}.{key}", depth + 1)

    def _array(self, schema: Mapping[str, Any], value: list[Any], at: str, depth: int) -> None:
        self._size(schema, len(value), at, "Items", "entries")
        if schema.get("uniqueItems") is True and len(
            {msgspec.json.encode(each, order="sorted") for each in value}
        ) < len(value):
            self._wrong(at, "must not say the same twice")
        for number, each in enumerate(value):
            self.look(schema.get("items"), each, f"{at}[{number}]", depth + 1)

    def _text(self, schema: Mapping[str, Any], value: str, at: str) -> None:
        self._size(schema, len(value), at, "Length", "characters")
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and _breaks(pattern, value):
            self._wrong(at, f"must look like {pattern}")
        reads = _FORMATS.get(str(schema.get("format")))
        if reads is not None:
            try:
                fits = reads(value)
            except ValueError:
                fits = None
            if not fits:
                self._wrong(at, f"must be a {schema['format']}")

    def _number(self, schema: Mapping[str, Any], value: float, at: str) -> None:
        for keyword, wrong, says in _BOUNDS:
            bound: Any = schema.get(keyword)
            if _is("number", bound) and wrong(value, bound):
                self._wrong(at, f"must be {says} {bound}")
        step: Any = schema.get("multipleOf")
        if _is("number", step) and step > 0 and not _divides(step, value):
            self._wrong(at, f"must be a multiple of {step}")

    def _size(self, schema: Mapping[str, Any], size: int, at: str, of: str, what: str) -> None:
        low: Any = schema.get(f"min{of}")
        high: Any = schema.get(f"max{of}")
        if _is("integer", low) and size < low:
            self._wrong(at, "must not be empty" if low == 1 else f"must have at least {low} {what}")
        if _is("integer", high) and size > high:
            self._wrong(at, f"must have at most {high} {what}")

    def _wrong(self, at: str, fault: str) -> None:
        if len(self._found) < _MOST_FAULTS:
            self._found.setdefault(at, fault)


def _email(text: str) -> bool:
    name, _, host = text.rpartition("@")
    return bool(name) and "." in host and " " not in text


def _uri(text: str) -> bool:
    return bool(urlsplit(text).scheme)


_FORMATS: Final[dict[str, Callable[[str], object]]] = {
    "date": lambda text: str(date.fromisoformat(text)),
    "date-time": lambda text: str(datetime.fromisoformat(text)),
    "time": lambda text: str(time.fromisoformat(text)),
    "uuid": lambda text: str(UUID(text)),
    "email": _email,
    "uri": _uri,
}
_BOUNDS: Final[tuple[tuple[str, Callable[[float, float], bool], str], ...]] = (
    ("minimum", lambda value, bound: value < bound, "at least"),
    ("maximum", lambda value, bound: value > bound, "at most"),
    ("exclusiveMinimum", lambda value, bound: value <= bound, "more than"),
    ("exclusiveMaximum", lambda value, bound: value >= bound, "less than"),
)


def _breaks(pattern: str, value: str) -> bool:
    """Whether a text breaks a pattern. One that is no pattern of Python's, or could take long, breaks nothing: strangers
    may fill in what a job's code describes."""
    if len(pattern) > _MOST_PATTERN or len(value) > _MOST_MATCHED or _SLOW.search(pattern):
        return False
    if _tries(pattern, len(value) + 1) > _MOST_TRIES:
        return False
    try:
        return re.search(pattern, value) is None
    except re.error:
        return False


def _tries(pattern: str, places: int) -> int:
    """In how many ways at most a pattern could be laid along a text with so many places before it is given up."""
    plain = _ATOM.sub("x", pattern)
    count = 1 if plain.startswith("^") and "|" not in plain else places
    for part in re.split(r"[()]", plain):
        count *= 1 + part.count("|")
    for found in _REPEAT.finditer(plain):
        least, comma, most = found.groups()
        if found[0] == "?" or (least and not comma):
            count *= 2
        else:
            count *= min(places, int(most) - int(least or 0) + 1 if most else places)
    return count


def _divides(step: float, value: float) -> bool:
    try:
        return abs(value / step - round(value / step)) <= 1e-9
    except OverflowError:  # beyond what numbers with a point can say
        return True


def _size_of(part: Any) -> int:
    return len(part) if isinstance(part, list | Mapping) else 0


def _is(kind: str, value: Any) -> bool:
    match kind:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _list(schema: Mapping[str, Any], key: str) -> list[Any]:
    found = schema.get(key)
    return found if isinstance(found, list) else []
