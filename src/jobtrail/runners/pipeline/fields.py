"""Reading a stranger's object into a struct, field by field, so that all of its mistakes are told at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import EnumMeta
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

Problems = dict[str, str]
T = TypeVar("T", bound=msgspec.Struct)

_TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_EXPECTED = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


def below(at: str, key: str | int) -> str:
    """The path of a part: `steps[2]`, `steps[2].run`."""
    if isinstance(key, int):
        return f"{at}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f'{at}["{key[:64]}"]'
    return f"{at}.{key}" if at else key


def suggestion(word: str, known: Iterable[str]) -> str:
    """What may have been meant, and what there is, as the end of a sentence."""
    names = sorted(known)
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_lower, n=1)
    meant = f"; did you mean {by_lower[close[0]]!r}?" if close else ""
    there = f"; there is: {', '.join(names[:20])}" if names else ""
    return meant or there


def read(wanted: type[T], data: object, at: str, problems: Problems) -> T | None:
    """The struct, or None and what is wrong with which field."""
    if not isinstance(data, Mapping):
        problems[at or "input"] = f"must be an object, not {_word_of(data)}"
        return None
    before = len(problems)
    types = get_type_hints(wanted)
    known = {each.encode_name: each for each in msgspec.structs.fields(wanted)}
    for key in data:
        if key not in known:
            problems[below(at, str(key))] = f"there is no such key{suggestion(str(key), known)}"
    values: dict[str, Any] = {}
    for key, each in known.items():
        if key in data:
            values[each.name] = _converted(data[key], types[each.name], below(at, key), problems)
        elif each.required:
            problems[below(at, key)] = "is missing"
    return wanted(**values) if len(problems) == before else None


def _converted(value: Any, wanted: Any, at: str, problems: Problems) -> Any:
    """The value as the wanted type; the parts of objects and lists are looked at one by one."""
    if get_origin(wanted) is dict and isinstance(value, Mapping):
        child = get_args(wanted)[1]
        return {key: _converted(each, child, below(at, str(key)), problems) for key, each in value.items()}
    if get_origin(wanted) is list and isinstance(value, list):
        child = get_args(wanted)[0]
        return [_converted(each, child, below(at, i), problems) for i, each in enumerate(value)]
    try:
        return msgspec.convert(value, wanted, strict=True)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        problems[at + path.rstrip("`")] = _in_words(what, wanted, value)
        return None


def _in_words(what: str, wanted: Any, value: object) -> str:
    if what.startswith("Invalid enum value"):
        return f"{value!r} is not one of the words for it{suggestion(str(value), _choices(wanted))}"
    if found := _EXPECTED.fullmatch(what):
        words = found[1].split(" | ")
        words = [
            each for each in _TYPES if each in words and each != "null" and not (each == "int" and "float" in words)
        ]
        expected = [_TYPES[each] for each in words] or [found[1]]
        return f"must be {' or '.join(expected)}, not {_TYPES.get(found[2], found[2])}"
    if found := _UNKNOWN.fullmatch(what):
        parts = [part for part in get_args(wanted) or (wanted,) if hasattr(part, "__struct_fields__")]
        return f"there is no key {found[1]!r}{suggestion(found[1], (n for p in parts for n in p.__struct_fields__))}"
    if found := _MISSING.fullmatch(what):
        return f"the key {found[1]!r} is missing"
    return what


def _choices(wanted: Any) -> list[str]:
    found: list[str] = []
    for part in (wanted, *get_args(wanted)):
        if isinstance(part, EnumMeta):
            found += [str(member.value) for member in part]  # type: ignore[var-annotated]
        elif get_origin(part) is Literal:
            found += [str(each) for each in get_args(part)]
    return found


def _word_of(value: object) -> str:
    if value is None:
        return "null"
    for type_, word in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str"), (list, "array")):
        if isinstance(value, type_):
            return _TYPES[word]
    return type(value).__name__
