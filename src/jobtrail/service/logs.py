"""Verbs on logs: append chunks of lines, read them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from jobtrail.core.fence import Fence
from jobtrail.core.model import LogChunk
from jobtrail.core.status import LogLevel
from jobtrail.store import query
from jobtrail.store.query import Query


@dataclass(frozen=True, slots=True)
class NewChunk:
    """Consecutive lines of one attempt and step; `body` has one JSON object a line, numbered from `first_line`."""

    fence: Fence
    step_id: UUID | None
    first_line: int
    lines: int
    levels: tuple[str, ...]
    correlation_ids: tuple[str, ...]
    body: str


def append(chunks: Sequence[NewChunk]) -> Query[set[UUID]]:
    """Stores chunks; answers the attempts that were still open. What the others printed is not stored."""
    params = (
        list({c.fence.workspace_id for c in chunks}),
        list({c.fence.job_id for c in chunks}),
        [c.fence.attempt_id for c in chunks],
        [c.step_id for c in chunks],
        [c.first_line for c in chunks],
        [c.lines for c in chunks],
        [msgspec.json.encode(c.levels).decode() for c in chunks],
        [msgspec.json.encode(c.correlation_ids).decode() for c in chunks],
        [c.body for c in chunks],
    )
    return Query("verbs/log", params, lambda rows: {row[0] for row in rows})


def read(
    workspace: UUID,
    job_id: UUID,
    *,
    from_line: int = 1,
    attempt_id: UUID | None = None,
    step_id: UUID | None = None,
    levels: tuple[LogLevel, ...] | None = None,
    chunks: int = 20,
) -> Query[list[LogChunk]]:
    """Chunks that hold lines from `from_line` on; a chunk holds at most some hundred lines."""
    wanted = None if levels is None else [str(level) for level in levels]
    params = (workspace, job_id, from_line, attempt_id, step_id, wanted, chunks)
    return Query("reads/log_chunks", params, query.many_of(LogChunk))


def next_line(workspace: UUID, job_id: UUID) -> Query[int]:
    """The number that the next line of a job gets; lines count from 1."""
    return Query("reads/next_line", (workspace, job_id), query.count)
