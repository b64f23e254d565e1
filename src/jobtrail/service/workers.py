"""Verbs on workers: register, heartbeat, stop, see who is gone, and rescue what they held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from jobtrail.core.model import Worker
from jobtrail.core.status import JobStatus
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorker:
    """A worker that starts: a new random id each time, never the host's name. `lock_key` 0: no session lock.

    `workspace_id` None: it serves all workspaces, and must be able to see them all. `described`: what it says of its
    types, as `core.described.fitted` writes it; None: nothing.
    """

    id: UUID
    name: str
    host: str
    host_id: str
    process_id: int
    process_started: float
    lock_key: int
    lease_seconds: float
    slots: int
    version: str
    queues: tuple[str, ...]
    types: tuple[str, ...]
    workspace_id: UUID | None = None
    described: str | None = None


def register(worker: NewWorker) -> Query[None]:
    """Makes a worker known; its lease runs from now by the database's clock."""
    params = (
        worker.id,
        worker.name,
        worker.host,
        worker.host_id,
        worker.process_id,
        worker.lock_key,
        worker.lease_seconds,
        worker.slots,
        worker.version,
        list(worker.queues),
        list(worker.types),
        worker.process_started,
        worker.workspace_id,
        worker.described,
    )
    return Query("verbs/worker_register", params, query.nothing)


def heartbeat(worker_id: UUID, *, draining: bool = False) -> Query[datetime | None]:
    """Renews the lease; answers until when, or None when the worker was declared gone."""
    return Query("verbs/heartbeat", (worker_id, draining), query.scalar)


@dataclass(frozen=True, slots=True)
class OwnWorker:
    """A worker that serves one workspace alone."""

    id: UUID
    queues: list[str]
    types: list[str]
    lease_seconds: float
    stopped_at: datetime | None
    stop_reason: str | None


def own(workspace: UUID, worker_id: UUID) -> Query[OwnWorker | None]:
    """A worker of this workspace's own; None for any other."""
    return Query("reads/own_worker", (workspace, worker_id), query.one_of(OwnWorker))


def hold_session(lock_key: int) -> Query[None]:
    """Takes the session lock whose end tells everybody that this process is gone. Needs a connection of its own."""
    return Query("reads/hold_session", (lock_key,), query.nothing)


def stop(worker_ids: Sequence[UUID], reason: str) -> Query[list[UUID]]:
    """Marks workers as stopped; answers those that were not yet."""
    return Query("verbs/worker_stop", (list(worker_ids), reason), _ids)


@dataclass(frozen=True, slots=True)
class Sibling:
    """A worker on the same host: its process can be looked at. `process_started` is in Unix seconds, by that host."""

    id: UUID
    process_id: int
    process_started: float


def siblings(host_id: str, but: UUID) -> Query[list[Sibling]]:
    """The other workers of a host that are not known to have stopped."""
    return Query("reads/siblings", (host_id, but), query.many_of(Sibling))


def unlocked(host_id: str) -> Query[list[UUID]]:
    """Workers of other hosts whose session lock is free and whose heartbeat is late."""
    return Query("reads/unlocked", (host_id,), _ids)


@dataclass(frozen=True, slots=True)
class Lost:
    """A job taken from a lost worker, and how it stands now."""

    workspace_id: UUID
    job_id: UUID
    status: JobStatus


@dataclass(frozen=True, slots=True)
class Calm:
    """From one time to another, by its own clock, the database answered: whoever lives could renew a lease."""

    since: datetime
    until: datetime


NO_CALM = Calm(datetime.min.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC))
"""Nobody knows whether leases could be renewed."""


def clock() -> Query[datetime]:
    """What time it is for the database."""
    return Query("reads/clock", (), query.scalar)


@flow
def rescue(gone: Sequence[UUID] = (), calm: Calm | None = None) -> Steps[list[Lost]]:
    """Takes jobs from workers known to be gone, and from every lease that ran out in a calm: those that they ran, and
    those whose input they checked. Safe to run anywhere, any time; without a calm (None) a lease has run out when its
    time is over, even if nobody could have renewed it."""
    named = (list(gone), *((None, None) if calm is None else (calm.since, calm.until)))
    ran = yield from ask(Query("verbs/rescue", named, _lost))
    checked = yield from ask(Query("verbs/rescue_validations", named, _lost))
    return ran + checked


def listed(limit: int = 100) -> Query[list[Worker]]:
    """Workers, those alive first."""
    return Query("reads/workers", (limit,), query.many_of(Worker))


def _lost(rows: list[query.Row]) -> list[Lost]:
    return [Lost(row[0], row[1], JobStatus(row[2])) for row in rows]


def _ids(rows: list[query.Row]) -> list[UUID]:
    return [row[0] for row in rows]
