"""Input as people type it: `name=value`, `name:=json`, `--input @file|-|JSON`, read as the type's schema wants it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jobtrail.cli.telling import with_fix
from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid

_DEEP: Final = 8


def read(
    pairs: Sequence[str], given: str | None, schema: Mapping[str, Any] | None, *, at: str = "input"
) -> dict[str, Any]:
    """One object from `--input` and the pairs, which win. Raises Invalid with the pair or the place that is wrong.

    `at`: the option that it is the value of.
    """
    found = _whole(given, at)
    for pair in pairs:
        name, value = _split(pair, schema)
        found[name] = value
    return found


def _whole(given: str | None, at: str) -> dict[str, Any]:
    if given is None:
        return {}
    text: bytes | str = given
    if given == "-":
        text = sys.stdin.buffer.read()
    elif given.startswith("@"):
        try:
            text = Path(given[1:]).read_bytes()
        except OSError as error:
            raise Invalid(f"--{at} {given}: the file cannot be read: {error.strerror}") from error
    value = jsonguard.decode(text, at=at)
    if not isinstance(value, dict):
        raise Invalid(f"the {at} must be a JSON object", fields={at: "must be an object"})
    return value


def _split(pair: str, schema: Mapping[str, Any] | None) -> tuple[str, Any]:
    name, equals, value = pair.partition("=")
    if not equals or not name or name == ":":
        raise with_fix(
            Invalid(f"{pair!r} is not an input"), "write name=value for text, numbers and dates, name:=JSON for JSON"
        )
    if name.endswith(":"):
        return name[:-1], jsonguard.decode(value, at=f"input.{name[:-1]}")
    return name, _converted(value, _wanted(name, schema))


def _wanted(name: str, schema: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The schemas that a property may have; none when the type does not say."""
    if schema is None:
        return []
    found = [choice.get("properties", {}) for choice in _choices(schema, schema, _DEEP)]
    return [choice for each in found if name in each for choice in _choices(each[name], schema, _DEEP)]


def required(schema: Mapping[str, Any] | None) -> list[str]:
    """The names of the properties that an object of the schema cannot do without."""
    return [] if schema is None else [str(name) for name in _resolved(schema, schema).get("required", ())]


def described(schema: Mapping[str, Any]) -> list[str]:
    """The properties of an object of the schema as they are typed, with the type in place of the value: `amount=integer`; in
    brackets those that may be left out."""
    musts = required(schema)
    typed = [
        (str(name), "/".join(str(choice.get("type", "any")) for choice in _wanted(name, schema)))
        for name in _resolved(schema, schema).get("properties", {})
    ]
    return [f"{name}={kind}" if name in musts else f"[{name}={kind}]" for name, kind in typed]


def _choices(part: Mapping[str, Any], schema: Mapping[str, Any], deep: int) -> list[Mapping[str, Any]]:
    part = _resolved(part, schema)
    for union in ("anyOf", "oneOf"):
        if union in part and deep:
            return [choice for each in part[union] for choice in _choices(each, schema, deep - 1)]
    return [part]


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref", "")
    if not reference.startswith("#/$defs/"):
        return part
    found: Mapping[str, Any] = schema.get("$defs", {}).get(reference.removeprefix("#/$defs/"), part)
    return found


def _converted(value: str, wanted: Sequence[Mapping[str, Any]]) -> Any:
    """Text stays text where text is wanted; elsewhere it is JSON if it reads as JSON. The type itself has the last word."""
    if not wanted or any(_takes_text(choice) for choice in wanted):
        return value
    try:
        return jsonguard.decode(value, at="input")
    except Invalid:
        return value


def _takes_text(choice: Mapping[str, Any]) -> bool:
    types = choice.get("type")
    if types is None:
        constants = [choice["const"]] if "const" in choice else choice.get("enum", [])
        return not constants or any(isinstance(each, str) for each in constants)
    return types == "string" or (isinstance(types, list) and "string" in types)
