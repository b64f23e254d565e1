"""Verbs on logs: append chunks of lines, read them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core.fence import Fence
from jobtrail.core.loglines import Extent, StoredLine
from jobtrail.core.model import LogChunk
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

_LEAST_PIECE: Final = 1_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which lines of a log; what is not said does not matter. `text` may stand anywhere in a line, in any case."""

    attempt_id: UUID | None = None
    step_id: UUID | None = None
    levels: tuple[LogLevel, ...] = ()
    sources: tuple[LogSource, ...] = ()
    text: str | None = None

    @property
    def is_all(self) -> bool:
        """Whether every line fits."""
        return self == EVERY_LINE


EVERY_LINE: Final = Wanted()


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


def extent(workspace: UUID, job_id: UUID) -> Query[Extent | None]:
    """Which lines a job's log has. There is always an answer."""
    return Query("reads/log_extent", (workspace, job_id), query.one_of(Extent))


def lines(
    workspace: UUID, job_id: UUID, wanted: Wanted, *, first: int, end: int, limit: int
) -> Query[list[StoredLine]]:
    """The first `limit` lines that may fit, of those with numbers from `first` to before `end`, in order.

    All that fit are there, and of a `text` some more, as those that have it in an escape sequence: `loglines.holds` tells.
    """
    params = _params(workspace, job_id, wanted, first, end, limit)
    return Query("reads/log_lines", params, query.many_of(StoredLine))


def lines_back(
    workspace: UUID, job_id: UUID, wanted: Wanted, *, first: int, end: int, limit: int
) -> Query[list[StoredLine]]:
    """Like `lines`, but the last `limit` of them, and the last one first."""
    params = _params(workspace, job_id, wanted, first, end, limit)
    return Query("reads/log_lines_back", params, query.many_of(StoredLine))


@flow
def last(workspace: UUID, job_id: UUID, wanted: Wanted, count: int) -> Steps[list[StoredLine]]:
    """The last lines that fit, in order; it looks back as far as it takes. A `text` is not looked for here."""
    there = (yield from ask(extent(workspace, job_id))) or Extent(1, 1)
    found: list[StoredLine] = []
    end, piece = there.next_line, max(count, _LEAST_PIECE)
    while end > there.first_line and len(found) < count:
        first, left = max(end - piece, there.first_line), count - len(found)
        found += yield from ask(lines_back(workspace, job_id, wanted, first=first, end=end, limit=left))
        end, piece = first, piece * 4
    return found[::-1]


def line_at(workspace: UUID, job_id: UUID, at: datetime) -> Query[int | None]:
    """The number of the last line that was written by a time; None where none was."""
    return Query("reads/log_line_at", (workspace, job_id, at), query.scalar)


def step_names(workspace: UUID, job_id: UUID, ids: Sequence[UUID]) -> Query[dict[UUID, tuple[str, str]]]:
    """Name and phase of the steps in which lines were written."""
    return Query(
        "reads/log_steps", (workspace, job_id, list(ids)), lambda rows: {row[0]: (row[1], row[2]) for row in rows}
    )


def attempt_numbers(workspace: UUID, job_id: UUID) -> Query[dict[UUID, int]]:
    """The numbers of a job's attempts, oldest first."""
    return Query("reads/log_attempts", (workspace, job_id), lambda rows: {row[0]: row[1] for row in rows})


def _params(workspace: UUID, job_id: UUID, wanted: Wanted, first: int, end: int, limit: int) -> tuple[object, ...]:
    """The text as JSON has it, for that is how lines are stored."""
    text = None if wanted.text is None else msgspec.json.encode(wanted.text).decode()[1:-1]
    levels = [str(level) for level in wanted.levels] or None
    sources = [str(source) for source in wanted.sources] or None
    return (workspace, job_id, first, end, wanted.attempt_id, wanted.step_id, levels, sources, text, limit)
