"""Accepting jobs: one, many, under an idempotency key. What a caller may say of a job stands in `wanted`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from jobtrail.core import unique
from jobtrail.core.errors import ConcurrentUpdate, IdempotencyConflict
from jobtrail.core.model import Actor
from jobtrail.core.unique import OnConflict
from jobtrail.service import dependencies, holders, wanted
from jobtrail.store import query
from jobtrail.store.query import Flow, Query, Steps, ask, atomic

NewJob = wanted.NewJob
Options = wanted.Options
alike = wanted.alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """Which job stands for each one wanted, and which of them were there before."""

    ids: tuple[UUID, ...]
    existed: frozenset[UUID] = field(default_factory=frozenset)


def enqueue(workspace: UUID, jobs: Sequence[NewJob], actor: Actor) -> Flow[Enqueued]:
    """Accepts jobs: all or none. A repeated id answers that job instead; where another job holds a unique key,
    `on_conflict` says what comes of it.

    Jobs that share their options go with one statement. Raises Conflict, naming the holder, where a key is refused,
    and Invalid for a job that would wait for one that is not there, or for itself.
    """
    groups: dict[Options, list[NewJob]] = {}
    options: Options | None = None
    group: list[NewJob] = []
    if any(job.options.unique_by is not None for job in jobs):
        jobs = [_keyed(job) for job in jobs]
    edges = [(job.id, need) for job in jobs for need in job.after]
    for job in _waiting(jobs) if edges else jobs:
        if job.options is not options:  # mostly all share one object, and hashing its fields for each would cost
            options = job.options
            group = groups.setdefault(options, [])
        group.append(job)
    tied = any(options.on_conflict != OnConflict.EXISTING or options.budgeted or options.budget for options in groups)
    together = bool(edges) or len(groups) > 1 or tied
    return Flow(lambda: _enqueue(workspace, jobs, groups, edges, actor), atomic=together)


def _keyed(job: NewJob) -> NewJob:
    """The job with the unique key that follows from its input, if it is to have one. Raises Invalid."""
    by = job.options.unique_by
    if by is None or job.unique_key is not None:
        return job
    return job._replace(unique_key=unique.key_of(job.options.type, job.input, by))


def _waiting(jobs: Sequence[NewJob]) -> list[NewJob]:
    """The jobs, those that wait for others marked so; what shared its options still does."""
    marked: dict[int, Options] = {}
    for job in jobs:
        if job.after and id(job.options) not in marked:
            marked[id(job.options)] = replace(job.options, depends=True)
    return [job._replace(options=marked[id(job.options)]) if job.after else job for job in jobs]


def _enqueue(
    workspace: UUID,
    jobs: Sequence[NewJob],
    groups: dict[Options, list[NewJob]],
    edges: Sequence[dependencies.Edge],
    actor: Actor,
) -> Steps[Enqueued]:
    stands: dict[UUID, UUID] = {}
    taken = [
        job.unique_key for job in jobs if job.unique_key is not None and job.options.on_conflict != OnConflict.EXISTING
    ]
    if taken:
        yield from ask(holders.hold_keys(workspace, taken))
    for group in groups.values():
        if any(job.unique_key for job in group):
            group.sort(key=lambda job: job.unique_key or "")  # who shares keys waits in one order: no deadlock
        stands.update((yield from holders.accept(workspace, group, actor)))
        if (work := wanted.budgeted(workspace, group)) is not None:
            yield from ask(work)
    if edges:
        own = [(job, stands.get(need, need)) for job, need in edges if stands.get(job, job) == job]
        parents = {job.id: job.options.parent_id for job in jobs if job.options.parent_id is not None}
        yield from dependencies.bind(workspace, own, parents)
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
    return hashlib.sha256(repr((job.options, job.title, job.unique_key, *job.after)).encode() + job.input).digest()


def _used(key: str, job_id: UUID) -> IdempotencyConflict:
    return IdempotencyConflict(f"idempotency key {key!r} was used with another request, for job {job_id}")
