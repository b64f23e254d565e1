"""Verbs on workers: register, heartbeat, stop, drain, see who is gone, and rescue what they held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from jobtrail.core.errors import Conflict, Denied, JobtrailError, NotFound
from jobtrail.core.model import Actor, Worker
from jobtrail.core.status import JobStatus
from jobtrail.service import administration
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow


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


@dataclass(frozen=True, slots=True)
class Beat:
    """Until when a worker's lease holds, and what it is told: queues to leave alone, to take nothing at all (`drains`), and
    to stop when what it runs has ended (`stops`)."""

    lease_until: datetime
    left_queues: list[str]
    drains: bool
    stops: bool


def heartbeat(worker_id: UUID, *, draining: bool = False) -> Query[Beat | None]:
    """Renews the lease; answers until when and what the worker is told, or None when it was declared gone."""
    return Query("verbs/heartbeat", (worker_id, draining), query.one_of(Beat))


@dataclass(frozen=True, slots=True)
class OwnWorker:
    """A worker that serves one workspace alone, and what it is told, as `Beat` has it."""

    id: UUID
    queues: list[str]
    types: list[str]
    lease_seconds: float
    stopped_at: datetime | None
    stop_reason: str | None
    left_queues: list[str]
    drains: bool
    stops: bool


def own(workspace: UUID, worker_id: UUID) -> Query[OwnWorker | None]:
    """A worker of this workspace's own; None for any other."""
    return Query("reads/own_worker", (workspace, worker_id), query.one_of(OwnWorker))


@dataclass(frozen=True, slots=True)
class Told:
    """A worker that was told something: its name, and the one workspace that it serves, if it serves but one. `changed`: it
    was told something else before."""

    name: str
    workspace_id: UUID | None
    changed: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """A worker as far as it is seen from a workspace."""

    id: UUID
    name: str
    workspace_id: UUID | None
    queues: list[str]
    stopped_at: datetime | None
    drain_asked_at: datetime | None


@atomic
def drain(worker_id: UUID, actor: Actor, reason: str | None = None, *, stop: bool = False) -> Steps[Told]:
    """Tells a worker to take no more jobs; what it runs goes on. With `stop` it ends when that has ended, else it stays.

    A workspace may tell this to workers of its own; one that serves all needs a scope that sees all. It is recorded.
    Raises NotFound, Denied, Conflict when it has stopped.
    """
    params = (worker_id, f"{actor.type}:{actor.id}", reason, stop)
    told = yield from ask(Query("verbs/drain_worker", params, query.one_of(Told)))
    return (yield from _recorded("worker.drained", worker_id, told, actor, {"reason": reason, "stop": stop}))


@atomic
def undrain(worker_id: UUID, actor: Actor) -> Steps[Told]:
    """Lets a worker that was told to drain take jobs again, and records it. Raises NotFound, Denied, Conflict."""
    told = yield from ask(Query("verbs/undrain_worker", (worker_id,), query.one_of(Told)))
    return (yield from _recorded("worker.undrained", worker_id, told, actor, {}))


@atomic
def leave_queue(worker_id: UUID, queue: str, actor: Actor, *, leave: bool = True) -> Steps[Told]:
    """Tells one worker to take no more of a queue that it serves, or to take of it again; it is recorded.

    Raises NotFound, Denied, Conflict when it has stopped or does not serve the queue.
    """
    told = yield from ask(Query("verbs/leave_queue", (worker_id, queue, leave), query.one_of(Told)))
    type = "worker.queue_paused" if leave else "worker.queue_resumed"
    return (yield from _recorded(type, worker_id, told, actor, {"queue": queue}))


def _recorded(type: str, worker_id: UUID, told: Told | None, actor: Actor, said: dict[str, object]) -> Steps[Told]:
    """Writes down what a worker was told, where that is new to it; or says why it was not told."""
    if told is None:
        seen = yield from ask(Query("reads/worker", (worker_id,), query.one_of(Sight)))
        raise _untold(type, worker_id, seen, said.get("queue"))
    if told.changed:
        where = told.workspace_id or administration.INSTALLATION
        said = {name: value for name, value in said.items() if value is not None} | {"name": told.name}
        yield from ask(administration.tell(where, type, actor, "worker", str(worker_id), said))
    return told


def _untold(type: str, worker_id: UUID, seen: Sight | None, queue: object) -> JobtrailError:
    if seen is None:
        return NotFound(f"there is no worker {worker_id} here; jobtrail worker list")
    if seen.stopped_at is not None:
        return Conflict(f"worker {seen.name} has stopped already")
    if queue is not None and queue not in seen.queues:
        return Conflict(f"worker {seen.name} does not serve the queue {queue}; it serves {', '.join(seen.queues)}")
    if type == "worker.undrained" and seen.drain_asked_at is None:
        return Conflict(f"worker {seen.name} was not told to drain")
    if seen.workspace_id is None:
        return Denied(
            f"worker {seen.name} serves all workspaces, and none of them commands it; do it where the database can be "
            f"reached: jobtrail worker drain {worker_id}"
        )
    return NotFound(f"worker {seen.name} is not one of this workspace")


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
