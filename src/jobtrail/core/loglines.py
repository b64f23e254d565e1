"""The lines of a log, as its chunks hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import ansi
from jobtrail.core.model import LogChunk
from jobtrail.core.status import LogLevel


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log."""

    number: int
    at: datetime
    level: str
    source: str
    message: str
    attempt_id: UUID
    step_id: UUID | None
    component: str | None = None
    operation: str | None = None
    correlation_id: str | None = None
    details: Any = None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line as a chunk holds it: `said` is its JSON."""

    number: int
    attempt_id: UUID
    step_id: UUID | None
    said: str


class _Said(msgspec.Struct, frozen=True):
    """The JSON of a line. What was said beside the message is read with Python's own numbers."""

    at: datetime
    level: str = LogLevel.INFO
    source: str = ""
    message: str = ""
    component: str | None = None
    operation: str | None = None
    correlation_id: str | None = None
    details: msgspec.Raw = msgspec.Raw()


_said: Final = msgspec.json.Decoder(_Said).decode


@dataclass(frozen=True, slots=True)
class Extent:
    """Which lines there are: from the first to before the next. The first is not 1 where old days were pruned."""

    first_line: int
    next_line: int


def line_of(stored: StoredLine) -> LogLine:
    """A line as people read it."""
    said = _said(stored.said)
    return LogLine(
        number=stored.number,
        at=said.at,
        level=said.level,
        source=said.source,
        message=said.message,
        attempt_id=stored.attempt_id,
        step_id=stored.step_id,
        component=said.component,
        operation=said.operation,
        correlation_id=said.correlation_id,
        details=json.loads(bytes(said.details)) if said.details else None,
    )


def lines_of(chunk: LogChunk) -> Iterator[LogLine]:
    """The lines of a chunk."""
    for offset, raw in enumerate(chunk.body.split("\n")):
        yield line_of(StoredLine(chunk.first_line + offset, chunk.attempt_id, chunk.step_id, raw))


def holds(line: LogLine, text: str) -> bool:
    """Whether a line shows a text, in any case: in its message without the colours, or in what was said beside it."""
    wanted = text.casefold()
    if wanted in ansi.plain(line.message).casefold():
        return True
    beside = (line.component, line.operation, line.correlation_id)
    if any(wanted in said.casefold() for said in beside if said):
        return True
    return line.details is not None and wanted in json.dumps(line.details, ensure_ascii=False).casefold()
