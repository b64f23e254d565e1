"""The lines of a log, as its chunks hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

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


def lines_of(chunk: LogChunk) -> Iterator[LogLine]:
    """The lines of a chunk."""
    for offset, raw in enumerate(chunk.body.split("\n")):
        said = json.loads(raw)
        yield LogLine(
            number=chunk.first_line + offset,
            at=datetime.fromisoformat(said["at"]),
            level=said.get("level", LogLevel.INFO),
            source=said.get("source", ""),
            message=said.get("message", ""),
            attempt_id=chunk.attempt_id,
            step_id=chunk.step_id,
            component=said.get("component"),
            operation=said.get("operation"),
            correlation_id=said.get("correlation_id"),
            details=said.get("details"),
        )
