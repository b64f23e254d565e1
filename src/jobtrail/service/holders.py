"""Accepting jobs where others may hold their unique keys: who holds them, and how a key changes hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.errors import ConcurrentUpdate, Conflict
from jobtrail.core.model import Actor
from jobtrail.core.status import JobStatus, WaitReason
from jobtrail.core.unique import TAKES, WAITING, OnConflict
from jobtrail.service.wanted import NewJob, Options, alike
from jobtrail.store import arrays, query
from jobtrail.store.query import Query, Steps, ask

_TRIES: Final = 4
MOST_KEYS: Final = 256
"""So many keys are held one by one; for more, all of the workspace: the server remembers only so many."""


class Holder(NamedTuple):
    """The job that stands in the way of a new one. `overdue`: its time to hold the key has passed."""

    id: UUID
    status: str
    wait_reason: str | None
    overdue: bool


def hold_keys(workspace: UUID, keys: Sequence[str]) -> Query[None]:
    """Holds keys until the transaction ends against all others who take keys from jobs."""
    return Query("verbs/hold_keys", (workspace, list(keys), len(keys) > MOST_KEYS), query.nothing)


def accept(workspace: UUID, group: list[NewJob], actor: Actor) -> Steps[dict[UUID, UUID]]:
    """Answers which job stands for which, where not all were new.

    The holder of a unique key may end between the insert that it stopped and the look at who stopped it; then nobody
    stands for the job, and the insert is tried again.
    """
    stands: dict[UUID, UUID] = {}
    options, now = group[0].options, None
    if options.on_conflict in (OnConflict.DEBOUNCE, OnConflict.RESCHEDULE):
        now = yield from ask(Query("reads/clock", (), query.scalar))
        group = [_put_off(job, now, now) for job in group]
    for _ in range(
        _TRIES + len(group)
    ):  # a batch may name one key many times, and each job takes it from the one before
        if (yield from _insert(workspace, group, actor)) == len(group):
            return stands
        found = yield from ask(_standing(workspace, [job.id for job in group], [job.unique_key for job in group]))
        stands.update({job.id: job.id for job in group if job.id in found and found[job.id].id == job.id})
        group = [job for job in group if job.id not in stands]
        overdue = [job.unique_key for job in group if job.unique_key and job.id in found and found[job.id].overdue]
        if overdue:
            yield from ask(_release(workspace, overdue))
        blocked = [(job, found[job.id]) for job in group if job.id in found and not found[job.id].overdue]
        took: dict[UUID, datetime] = {}
        if options.on_conflict in TAKES:
            took = yield from _take(workspace, [pair for pair in blocked if _gives(options, pair[1])], actor)
            blocked = [pair for pair in blocked if not _gives(options, pair[1])]
        stands.update((yield from _meet(workspace, blocked, actor, now)))
        group = [_put_off(job, now, took.get(job.id, now)) for job in group if job.id not in stands]
        if not group:
            return stands
    raise ConcurrentUpdate(f"unique key {group[0].unique_key!r} changed hands too often; send the request again")


def _insert(workspace: UUID, group: Sequence[NewJob], actor: Actor) -> Steps[int]:
    """One statement for all that share their options; a debounce gives each a time of its own."""
    if all(job.options is group[0].options or job.options == group[0].options for job in group):
        return (yield from ask(alike(workspace, group, actor)))
    count = 0
    for job in group:
        count += yield from ask(alike(workspace, [job], actor))
    return count


def _put_off(job: NewJob, now: datetime | None, since: datetime | None) -> NewJob:
    """A job whose start waits whether another one comes, `debounce_max_seconds` after the first at the latest."""
    o = job.options
    if o.on_conflict != OnConflict.DEBOUNCE or o.debounce_seconds is None or now is None:
        return job
    due = now + timedelta(seconds=o.debounce_seconds)
    if o.debounce_max_seconds is not None and since is not None:
        due = min(due, max(now, since + timedelta(seconds=o.debounce_max_seconds)))
    return job._replace(options=replace(o, scheduled_at=due))


def _gives(options: Options, holder: Holder) -> bool:
    """Whether a holder gives up its key to who asks so: one that waits does, one that runs when it is superseded."""
    return holder.status in WAITING or (
        options.on_conflict == OnConflict.SUPERSEDE and holder.status == JobStatus.RUNNING
    )


def _take(workspace: UUID, blocked: list[tuple[NewJob, Holder]], actor: Actor) -> Steps[dict[UUID, datetime]]:
    """Takes keys for those who want them; answers when the first job of each chain was accepted."""
    heirs = {job.unique_key or "": job for job, _ in reversed(blocked)}  # the first of each key
    if not heirs:
        return {}
    running = blocked[0][0].options.on_conflict == OnConflict.SUPERSEDE
    ids = [job.id for job in heirs.values()]
    return (yield from ask(_supersede(workspace, ids, list(heirs), actor, running=running)))


def _meet(
    workspace: UUID, blocked: list[tuple[NewJob, Holder]], actor: Actor, now: datetime | None
) -> Steps[dict[UUID, UUID]]:
    """What comes of jobs whose keys others keep: which stands for which. Raises Conflict where a key is refused."""
    for job, holder in blocked:
        if job.options.on_conflict == OnConflict.REFUSE:
            raise Conflict(
                f"job {holder.id} ({holder.status}) holds unique key {job.unique_key!r}; wait for it or cancel it first"
            )
        if now is not None and job.options.on_conflict == OnConflict.RESCHEDULE:
            options = job.options
            yield from _reschedule(workspace, holder, options.priority, options.scheduled_at, now, actor)
    return {job.id: holder.id for job, holder in blocked}


def _standing(workspace: UUID, ids: Sequence[UUID], keys: Sequence[str | None]) -> Query[dict[UUID, Holder]]:
    """Which job stands for each wanted one: itself, or the one that holds its key."""
    return Query("reads/enqueued", (workspace, list(ids), list(keys)), _holders)


def _release(workspace: UUID, keys: Sequence[str]) -> Query[int]:
    """Takes keys from jobs that have held them for as long as they may; answers how many."""
    return Query("verbs/release_keys", (workspace, list(keys)), query.count)


def _supersede(
    workspace: UUID, heirs: Sequence[UUID], keys: Sequence[str], actor: Actor, *, running: bool
) -> Query[dict[UUID, datetime]]:
    """Takes keys from the jobs that hold them: what waits is cancelled, what runs is asked to stop if `running` says so.

    Answers for each job that may now have its key when the first of its chain was accepted.
    """
    params = (workspace, arrays.uuids(heirs), arrays.texts(keys), running, actor.type, actor.id)
    return Query("verbs/supersede", params, lambda rows: {row[0]: row[1] for row in rows})


def _reschedule(
    workspace: UUID, holder: Holder, priority: int, at: datetime | None, now: datetime, actor: Actor
) -> Steps[None]:
    """Moves a holder that waits to another time and priority; None: now. One that began, or waits for more than a time,
    keeps its time."""
    if holder.status not in WAITING:
        return
    if holder.status == JobStatus.QUEUED:
        when = at if at is not None and at > now else None
    else:
        when = (at or now) if holder.wait_reason == WaitReason.SCHEDULE else None
    params = (workspace, holder.id, None, actor.type, actor.id, priority, None, None, None, when)
    yield from ask(Query("verbs/update_job", params, query.one))


def _holders(rows: list[query.Row]) -> dict[UUID, Holder]:
    return {row[0]: Holder(*row[1:]) for row in rows}
