"""Accepting jobs: one, many, under an idempotency key, under a unique key. What a caller may say of a job stands here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from jobtrail.core.errors import ConcurrentUpdate, IdempotencyConflict
from jobtrail.core.model import Actor
from jobtrail.store import arrays, query
from jobtrail.store.query import Flow, Query, Steps, ask, atomic


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a job is to run. Milliseconds and seconds as named; `scheduled_at` None: at once."""

    type: str
    queue: str = "default"
    priority: int = 5
    scheduled_at: datetime | None = None
    tags: tuple[str, ...] = ()
    max_attempts: int = 3
    backoff_type: str = "EXPONENTIAL"
    backoff_delay_ms: int = 2_000
    backoff_max_ms: int = 3_600_000
    timeout_seconds: float | None = None
    idle_timeout_seconds: float | None = None
    queue_timeout_seconds: float | None = None
    cancel_at: datetime | None = None
    concurrency_key: str | None = None
    project_id: UUID | None = None
    task_id: UUID | None = None
    parent_id: UUID | None = None
    rerun_of: UUID | None = None
    estimated_seconds: float | None = None
    slots: int = 1
    concurrency_limit: int = 1
    unique_scope: str = "LIVE"
    unique_window_seconds: float | None = None
    schedule_id: UUID | None = None
    fork_of: UUID | None = None
    on_parent: str = "CANCEL"
    depends_mode: str = "ALL"
    on_dependency: str = "FAIL"
    budgeted: bool = False
    reserve_usd: Decimal | None = None
    reserve_tokens: int | None = None
    depends: bool = False
    checked: bool = field(default=False, repr=False)  # a runner looks at its input first; no part of `_digest`


class NewJob(NamedTuple):
    """One job to enqueue. `input` is JSON that passed the door; the id makes a repeated enqueue harmless."""

    id: UUID
    input: bytes
    options: Options
    title: str | None = None
    unique_key: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """Which job stands for each one wanted, and which of them were there before."""

    ids: tuple[UUID, ...]
    existed: frozenset[UUID] = field(default_factory=frozenset)


def enqueue(workspace: UUID, jobs: Sequence[NewJob], actor: Actor) -> Flow[Enqueued]:
    """Accepts jobs: all or none. A unique key that a live job holds, or a repeated id, answers that job instead.

    Jobs that share their options go with one statement.
    """
    groups: dict[Options, list[NewJob]] = {}
    options: Options | None = None
    group: list[NewJob] = []
    for job in jobs:
        if job.options is not options:  # mostly all share one object, and hashing its fields for each would cost
            options = job.options
            group = groups.setdefault(options, [])
        group.append(job)
    return Flow(lambda: _enqueue(workspace, jobs, groups, actor), atomic=len(groups) > 1)


def _enqueue(
    workspace: UUID, jobs: Sequence[NewJob], groups: dict[Options, list[NewJob]], actor: Actor
) -> Steps[Enqueued]:
    stands: dict[UUID, UUID] = {}
    for group in groups.values():
        if any(job.unique_key for job in group):
            group.sort(key=lambda job: job.unique_key or "")  # who shares keys waits in one order: no deadlock
        stands.update((yield from _accept(workspace, group, actor)))
    return Enqueued(
        ids=tuple(stands.get(job.id, job.id) for job in jobs),
        existed=frozenset(stood for wanted, stood in stands.items() if stood != wanted),
    )


@atomic
def enqueue_once(workspace: UUID, job: NewJob, actor: Actor, key: str) -> Steps[tuple[UUID, bool]]:
    """Accepts a job under an idempotency key; answers its id and whether it is new.

    Raises IdempotencyConflict when the key was used with another request.
    """
    digest = _digest(job)
    taken = yield from ask(Query("verbs/remember_key", (workspace, key, job.id, digest), query.one))
    if taken is None:
        row = yield from ask(Query("reads/idempotency_key", (workspace, key), query.one))
        if row is None:
            raise ConcurrentUpdate(f"idempotency key {key!r} was given up while it was read; send the request again")
        if bytes(row[1]) != digest:
            raise _used(key, row[0])
        return row[0], False
    done = yield from enqueue(workspace, [job], actor).begin()
    if done.ids[0] != job.id:
        yield from ask(Query("verbs/repoint_key", (workspace, key, done.ids[0]), query.nothing))
    return done.ids[0], not done.existed


class Accepted(NamedTuple):
    """Which job stands for a request, and whether this request made it."""

    job_id: UUID
    is_new: bool


@atomic
def enqueue_many_once(
    workspace: UUID, requests: Sequence[tuple[NewJob, str | None]], actor: Actor
) -> Steps[list[Accepted | IdempotencyConflict]]:
    """Accepts the requests of many callers in one transaction, each under its idempotency key or without one.

    A key that was used with another request spoils that request only, and its answer is the error. What the database
    itself refuses fails all: then run `one_by_one`.
    """
    firsts: dict[str, NewJob] = {}
    for job, key in requests:
        if key is not None:
            firsts.setdefault(key, job)
    known = yield from _remember(workspace, firsts)
    fresh = [job for job, key in requests if key is None or (key not in known and firsts[key] is job)]
    done = yield from enqueue(workspace, fresh, actor).begin()
    stands = dict(zip((job.id for job in fresh), done.ids, strict=True))
    moved = {key: stands[job.id] for key, job in firsts.items() if key not in known and stands[job.id] != job.id}
    if moved:
        yield from ask(Query("verbs/repoint_keys", (workspace, list(moved), list(moved.values())), query.nothing))
    digests = {key: _digest(job) for key, job in firsts.items()}
    answers: list[Accepted | IdempotencyConflict] = []
    for job, key in requests:
        if key is None or (key not in known and firsts[key] is job):
            answers.append(Accepted(stands[job.id], is_new=stands[job.id] == job.id))
            continue
        stood, digest = known[key] if key in known else (stands[firsts[key].id], digests[key])
        answers.append(Accepted(stood, is_new=False) if digest == _digest(job) else _used(key, stood))
    return answers


@atomic
def one_by_one(workspace: UUID, job: NewJob, key: str | None, actor: Actor) -> Steps[Accepted]:
    """One request of `enqueue_many_once` by itself, where all together were refused. Raises IdempotencyConflict, Invalid."""
    if key is not None:
        return Accepted(*(yield from enqueue_once(workspace, job, actor, key).begin()))
    done = yield from enqueue(workspace, [job], actor).begin()
    return Accepted(done.ids[0], is_new=not done.existed)


def _remember(workspace: UUID, firsts: dict[str, NewJob]) -> Steps[dict[str, tuple[UUID, bytes]]]:
    """Ties the keys that nobody has to their jobs; answers what the others are tied to."""
    if not firsts:
        return {}
    params = (workspace, list(firsts), [job.id for job in firsts.values()], [_digest(job) for job in firsts.values()])
    free = {row[0] for row in (yield from ask(Query("verbs/remember_keys", params, query.rows)))}
    taken = [key for key in firsts if key not in free]
    if not taken:
        return {}
    rows = yield from ask(Query("reads/idempotency_keys", (workspace, taken), query.rows))
    if len(rows) != len(taken):
        raise ConcurrentUpdate("an idempotency key was given up while it was read; send the request again")
    return {row[0]: (row[1], bytes(row[2])) for row in rows}


def _digest(job: NewJob) -> bytes:
    return hashlib.sha256(repr((job.options, job.title, job.unique_key)).encode() + job.input).digest()


def _used(key: str, job_id: UUID) -> IdempotencyConflict:
    return IdempotencyConflict(f"idempotency key {key!r} was used with another request, for job {job_id}")


def _accept(workspace: UUID, group: list[NewJob], actor: Actor) -> Steps[dict[UUID, UUID]]:
    """Answers which job stands for which, where not all were new.

    The holder of a unique key may end between the insert that it stopped and the look at who stopped it; then nobody
    stands for the job, and the insert is tried again.
    """
    stands: dict[UUID, UUID] = {}
    for _ in range(3):
        if (yield from ask(alike(workspace, group, actor))) == len(group):
            return stands
        wanted = ([job.id for job in group], [job.unique_key for job in group])
        stands.update((yield from ask(Query("reads/enqueued", (workspace, *wanted), _pairs))))
        group = [job for job in group if job.id not in stands]
        if not group:
            return stands
    raise ConcurrentUpdate(f"unique key {group[0].unique_key!r} changed hands three times; send the request again")


def alike(workspace: UUID, jobs: Sequence[NewJob], actor: Actor) -> Query[int]:
    """The one statement of jobs that share their options; answers how many are new."""
    o = jobs[0].options
    params = (
        workspace,
        arrays.uuids([job.id for job in jobs]),
        arrays.texts([job.input.decode() for job in jobs]),
        arrays.texts([job.title for job in jobs]),
        arrays.texts([job.unique_key for job in jobs]),
        o.type,
        o.queue,
        o.priority,
        o.scheduled_at,
        list(o.tags),
        o.max_attempts,
        o.backoff_type,
        o.backoff_delay_ms,
        o.backoff_max_ms,
        o.timeout_seconds,
        o.idle_timeout_seconds,
        o.queue_timeout_seconds,
        o.cancel_at,
        o.concurrency_key,
        o.project_id,
        o.task_id,
        o.parent_id,
        o.rerun_of,
        o.estimated_seconds,
        actor.type,
        actor.id,
        arrays.texts([job.traceparent for job in jobs]),
        o.checked,
        *_terms(o),
    )
    return Query("verbs/enqueue", params, query.count)


def _terms(o: Options) -> tuple[object, ...]:
    """What limits, keys, trees and budgets make of it."""
    return (
        o.slots,
        o.concurrency_limit,
        o.unique_scope,
        o.unique_window_seconds,
        o.schedule_id,
        o.fork_of,
        o.on_parent,
        o.depends_mode,
        o.on_dependency,
        o.budgeted,
        o.reserve_usd,
        o.reserve_tokens,
        o.depends,
    )


def _pairs(rows: list[query.Row]) -> dict[UUID, UUID]:
    return {row[0]: row[1] for row in rows}
