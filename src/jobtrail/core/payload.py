"""Values of jobs as people look at them: as text if that is not too much, else its beginning and its shape; and in what two
of them differ. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

WHOLE_BYTES: Final = 256 << 10
HEAD_BYTES: Final = 64 << 10
WHOLE_NODES: Final = 20_000
MOST_DIFFERENCES: Final = 500
_SHAPE_DEEP: Final = 3
_SHAPE_WIDE: Final = 12
_LONG: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A value as text. `is_whole`: `text` is all of it, indented JSON; else its first 64 kB, and `shape` sums up the rest."""

    text: str
    bytes: int
    nodes: int
    is_whole: bool
    shape: str | None = None


class Difference(NamedTuple):
    """One place where two values differ. A side that has nothing there is None, else it is JSON."""

    path: str
    before: str | None
    after: str | None


def payload(value: Any) -> Payload:
    """A value for people: whole up to 256 kB and 20 000 parts."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    size, nodes = len(text.encode("utf-8", "replace")), _nodes(value)
    if size <= WHOLE_BYTES and nodes <= WHOLE_NODES:
        return Payload(text=text, bytes=size, nodes=nodes, is_whole=True)
    head = text.encode("utf-8", "replace")[:HEAD_BYTES].decode("utf-8", "ignore")
    return Payload(text=head, bytes=size, nodes=nodes, is_whole=False, shape=shape(value))


def shape(value: Any, deep: int = _SHAPE_DEEP) -> str:
    """What a value is made of, in few words.

    >>> shape({"frames": [{"n": 1}, {"n": 2}], "title": "x"})
    '{frames: [2 of {n: number}], title: text}'
    """
    match value:
        case dict():
            if deep == 0:
                return f"{{{len(value)} fields}}"
            said = [f"{name}: {shape(part, deep - 1)}" for name, part in list(value.items())[:_SHAPE_WIDE]]
            more = [f"{len(value) - _SHAPE_WIDE} more"] if len(value) > _SHAPE_WIDE else []
            return "{" + ", ".join(said + more) + "}"
        case list():
            inside = f" of {shape(value[0], deep - 1)}" if value and deep else ""
            return f"[{len(value)}{inside}]"
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case str():
            return "text" if len(value) < _LONG else f"text of {len(value)} characters"
        case _:
            return "null"


def differences(before: Any, after: Any, most: int = MOST_DIFFERENCES) -> list[Difference]:
    """Where two values differ, by path, keys in order; at most so many.

    >>> differences({"a": 1, "b": [1, 2]}, {"a": 1, "b": [1, 3], "c": True})
    [Difference(path='b[1]', before='2', after='3'), Difference(path='c', before=None, after='true')]
    """
    found: list[Difference] = []
    for one in _differing(before, after, ""):
        found.append(one)
        if len(found) == most:
            break
    return found


def _differing(before: Any, after: Any, path: str) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            at = f"{path}.{name}" if path else name
            if name not in before:
                yield Difference(at, None, _short(after[name]))
            elif name not in after:
                yield Difference(at, _short(before[name]), None)
            else:
                yield from _differing(before[name], after[name], at)
    elif isinstance(before, list) and isinstance(after, list):
        for n in range(max(len(before), len(after))):
            if n >= len(before):
                yield Difference(f"{path}[{n}]", None, _short(after[n]))
            elif n >= len(after):
                yield Difference(f"{path}[{n}]", _short(before[n]), None)
            else:
                yield from _differing(before[n], after[n], f"{path}[{n}]")
    elif type(before) is not type(after) or before != after:
        yield Difference(path or "(all)", _short(before), _short(after))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def _nodes(value: Any) -> int:
    """How many parts a value has. An own stack: values may be nested as deep as the door lets in."""
    count, left = 0, [value]
    while left:
        one = left.pop()
        count += 1
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
    return count
