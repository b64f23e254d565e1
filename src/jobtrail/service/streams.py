"""Reading for those who look on: the trail of all workspaces in one order, and what is new of jobs that are watched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from jobtrail.store import query
from jobtrail.store.query import Query


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the trail of all workspaces stands. Every transaction below `horizon` has ended, and none from `next_txid`
    on had begun at `now`. Another `epoch`: a restored or promoted server, whose transactions are not comparable."""

    epoch: str
    horizon: int
    next_txid: int
    now: datetime
    oldest_day: datetime | None


class Told(NamedTuple):
    """An event, and what of its job a stream is filtered by (None where the job was removed). `payload` is JSON text.

    A named tuple: it is made for every event that anybody sees. `txid` is 0 where the order is that of one job.
    """

    workspace_id: UUID
    txid: int
    job_type: str | None
    queue: str | None
    task_id: UUID | None
    project_id: UUID | None
    tags: list[str]
    job_id: UUID
    seq: int
    type: str
    status: str
    step_id: UUID | None
    attempt_id: UUID | None
    actor_type: str
    actor_id: str | None
    payload: str | None
    at: datetime
    hash: str


class Watched(NamedTuple):
    """How a job stands that somebody watches."""

    workspace_id: UUID
    job_id: UUID
    version: int
    status: str
    generation: int
    progress: float
    stage: str | None
    attempt_id: UUID | None


class Chunk(NamedTuple):
    """Some consecutive log lines of a job that somebody watches; `body` has one JSON object a line."""

    workspace_id: UUID
    job_id: UUID
    first_line: int
    lines: int
    attempt_id: UUID
    step_id: UUID | None
    at: datetime
    body: str


Place = tuple[int, UUID, int]
"""A place in the order of all workspaces: transaction, job, seq."""


def standing() -> Query[Standing | None]:
    """Where the trail stands now."""
    return Query("reads/stream_position", (), query.one_of(Standing))


def tail(after: Place, before_txid: int, since: datetime, workspace: UUID | None, limit: int) -> Query[list[Told]]:
    """Events after a place and below a transaction, of all workspaces or of one, in their order.

    `since`: none of them is older, which spares the older days. The connection must see what is asked for.
    """
    return Query("reads/tail", (*after, before_txid, since, workspace, limit), query.many_of(Told))


def watched(jobs: Sequence[tuple[UUID, UUID]]) -> Query[list[Watched]]:
    """How these jobs (workspace, job) stand; those that are gone are left out."""
    return Query("reads/watched_jobs", _pairs(jobs), query.many_of(Watched))


def events_of(jobs: Sequence[tuple[UUID, UUID]], after: Sequence[int], each: int) -> Query[list[Told]]:
    """Up to `each` events of each of these jobs after its sequence number, in order."""
    return Query("reads/watched_events", (*_pairs(jobs), list(after), each), query.many_of(Told))


def chunks_of(jobs: Sequence[tuple[UUID, UUID]], from_line: Sequence[int], each: int) -> Query[list[Chunk]]:
    """Up to `each` log chunks of each of these jobs that begin with a number or a later one, in order."""
    return Query("reads/watched_lines", (*_pairs(jobs), list(from_line), each), query.many_of(Chunk))


def line_since(workspace: UUID, job_id: UUID, seq: int) -> Query[int]:
    """The first log line that was stored after an event, or the number of the next line."""
    return Query("reads/line_since", (workspace, job_id, seq), query.count)


def _pairs(jobs: Sequence[tuple[UUID, UUID]]) -> tuple[list[UUID], list[UUID]]:
    return [workspace for workspace, _ in jobs], [job_id for _, job_id in jobs]
