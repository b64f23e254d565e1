"""The inputs of installed types in the OpenAPI document: each runner's schema as a component. No app is looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from jobtrail.core.described import KnownType

TEMPLATE: Final = "#/components/schemas/{name}"
Json = dict[str, Any]
_Names = dict[tuple[str | None, str | None], str]

_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_LOCAL: Final = re.compile(r"#(?:/(\$defs|definitions)/([^/]+))?")
_VALUES: Final = frozenset({"default", "examples", "example", "enum", "const"})
"""What stands there is a value and no schema, whatever it looks like."""


class _Elsewhere(Exception):  # noqa: N818  (it never leaves this module)
    """A schema names something that does not stand in it."""


def show(known: Iterable[KnownType], components: Json, body: str) -> None:
    """Adds the schemas of these types to the components, and says at the enqueue `body` which of them is whose."""
    links, lines = dict[str, str](), list[str]()
    for one in known:
        if not isinstance(one.input_schema, Mapping):
            continue
        name = component_name(one.type)
        try:
            made = _components(name, one.input_schema)
        except _Elsewhere:
            continue
        if made.keys() & components.keys():
            continue  # two types whose names differ only in signs; the first has the name
        components.update(made)
        links[one.type] = TEMPLATE.format(name=name)
        lines.append(f"- `{one.type}`: `{name}`" + (f". {one.description}" if one.description else ""))
    if links:
        components[body]["x-jobtrail-types"] = links
        said = "What the type wants. The types that are installed here, with the schemas of their inputs:"
        components[body]["properties"]["input"]["description"] = "\n".join([said, "", *lines])


def component_name(type: str) -> str:
    """What the schema of a type's input is called.

    >>> component_name("content.icon-set")
    'ContentIconSetInput'
    """
    return "".join(word[0].upper() + word[1:] for word in _WORD.findall(type)) + "Input"


def _components(name: str, schema: Mapping[str, Any]) -> Json:
    """A schema and what it defines, each under a name of its own. Raises _Elsewhere."""
    parts = {key: dict(schema.get(key) or {}) for key in ("$defs", "definitions")}
    root = {key: value for key, value in schema.items() if key not in (*parts, "$schema", "$id")}
    first = _LOCAL.fullmatch(root.get("$ref", ""))
    home = (first[1], first[2]) if first and first[1] else None
    if home is not None:  # the schema is one of its own definitions: that one takes the name
        if home[1] not in parts[home[0]]:
            raise _Elsewhere
        root = {**parts[home[0]].pop(home[1]), **{key: value for key, value in root.items() if key != "$ref"}}
    names: _Names = {(key, part): _below(name, part) for key, defined in parts.items() for part in defined}
    names[None, None] = name
    if home is not None:
        names[home] = name
    found = {name: _pointed(root, names)}
    for key, defined in parts.items():
        found |= {names[key, part]: _pointed(value, names) for part, value in defined.items()}
    return found


def _below(name: str, part: str) -> str:
    return name + "".join(word[0].upper() + word[1:] for word in _WORD.findall(part))


def _pointed(part: Any, names: _Names) -> Any:
    """A part of a schema whose references lead to the components."""
    if isinstance(part, list):
        return [_pointed(each, names) for each in part]
    if not isinstance(part, Mapping):
        return part
    found: Json = {}
    for key, value in part.items():
        if key == "$ref" and isinstance(value, str):
            local = _LOCAL.fullmatch(value)
            if local is None or (local[1], local[2]) not in names:
                raise _Elsewhere
            found[key] = TEMPLATE.format(name=names[local[1], local[2]])
        else:
            found[key] = value if key in _VALUES else _pointed(value, names)
    return found
