"""Lists as PostgreSQL's array literals: one string to send, where the driver would dump each element by itself.

None for a list of nothing but None: `unnest` of several arrays pads the shorter ones with nulls.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID


def uuids(values: Sequence[UUID | None]) -> str | None:
    """For `uuid[]`."""
    if not any(values):
        return None
    return "{" + ",".join(["NULL" if value is None else f"{value.int:032x}" for value in values]) + "}"


def texts(values: Sequence[str | None]) -> str | None:
    """For `text[]`, with anything in it but NUL."""
    if all(value is None for value in values):
        return None
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def numbers(values: Sequence[float | None]) -> str | None:
    """For arrays of integers and of floats."""
    if all(value is None for value in values):
        return None
    return "{" + ",".join(["NULL" if value is None else repr(value) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
