"""How a line of a log looks on a page: its spans, what is folded away of it, and what was said beside it. No markup here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from jobtrail.core import ansi
from jobtrail.core.ansi import Span
from jobtrail.core.loglines import LogLine
from jobtrail.core.shown import one_line

LONGEST: Final = 2_000
"""How many characters of a line are shown at once."""
TALLEST: Final = 8
"""How many lines of a record, such as a traceback."""
_MOST_FIELDS: Final = 16
_RAW: Final = "raw"
"""The detail that holds a line as a program wrote it; its message says it in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line, drawn. `rest`: what is folded away, with `rest_lines` line ends and `rest_bytes` bytes. `folded`: how many
    states of a progress bar were drawn over. `fields`: what was said beside it, as names and short texts."""

    number: int
    at: datetime
    level: str
    source: str
    attempt_id: UUID
    step_id: UUID | None
    spans: Sequence[Span]
    rest: Sequence[Span] = ()
    rest_lines: int = 0
    rest_bytes: int = 0
    folded: int = 0
    fields: Sequence[tuple[str, str]] = ()
    raw: Any = None


def row_of(line: LogLine) -> Row:
    """A line as a page shows it."""
    shown = ansi.shown(line.message)
    head, rest = folded(shown.spans)
    text = "".join(span.text for span in rest)
    return Row(
        number=line.number,
        at=line.at,
        level=line.level,
        source=line.source,
        attempt_id=line.attempt_id,
        step_id=line.step_id,
        spans=head,
        rest=rest,
        rest_lines=len(text.strip("\n").split("\n")) if "\n" in text else 0,
        rest_bytes=len(text.encode("utf-8", "replace")),
        folded=shown.folded,
        fields=_fields(line),
        raw=line.details.get(_RAW) if isinstance(line.details, dict) else None,
    )


def folded(spans: Sequence[Span], longest: int = LONGEST, tallest: int = TALLEST) -> tuple[list[Span], list[Span]]:
    """What is shown at once, and the rest: after so many characters, or so many lines.

    >>> [part[0].text for part in folded([Span("a b c d")], longest=3)]
    ['a b', ' c d']
    """
    cut = _cut("".join(span.text for span in spans), longest, tallest)
    head: list[Span] = []
    rest: list[Span] = []
    at = 0
    for span in spans:
        here = min(max(cut - at, 0), len(span.text))
        if here:
            head.append(replace(span, text=span.text[:here]))
        if here < len(span.text):
            rest.append(replace(span, text=span.text[here:]))
        at += len(span.text)
    return head, rest


def _cut(text: str, longest: int, tallest: int) -> int:
    """After how many characters it is folded; a line or a few characters more are no reason to."""
    lines = text.split("\n")
    if len(lines) > tallest + 1:
        tall = sum(len(line) + 1 for line in lines[:tallest]) - 1
        return min(tall, longest)
    return longest if len(text) > longest + longest // 10 else len(text)


def _fields(line: LogLine) -> tuple[tuple[str, str], ...]:
    beside: list[tuple[str, object]] = [
        ("component", line.component),
        ("operation", line.operation),
        ("correlation", line.correlation_id),
    ]
    if isinstance(line.details, dict):
        beside += [(str(name), value) for name, value in line.details.items() if name != _RAW]
    elif line.details is not None:
        beside.append(("details", line.details))
    said = [(one_line(name, 40), one_line(_said(value), 100)) for name, value in beside if value is not None]
    return tuple(said[:_MOST_FIELDS])


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
