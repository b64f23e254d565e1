"""Verbs on schedules: create, get, list, change, pause, resume, remove, and what comes next. Their ticks are made elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

from jobtrail.core import schedule_rules as rules
from jobtrail.core import schedule_words
from jobtrail.core.errors import ConcurrentUpdate, Conflict, Invalid, Limited, NotFound, UnknownType
from jobtrail.core.filter import pattern
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.model import Actor
from jobtrail.core.schedule import Planned
from jobtrail.core.schedules import (
    EMPTIED,
    SHOWN,
    Glimpse,
    JobOptions,
    NewSchedule,
    Schedule,
    ScheduleChange,
    ScheduleFilter,
    ScheduleView,
    Tick,
    Wrong,
)
from jobtrail.service import administration, types, workers
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

MOST: Final = 1_000
"""Schedules of a workspace."""
_TIMING: Final = frozenset({"expression", "zone", "starts_at", "ends_at", "jitter_seconds"})


@atomic
def create(
    workspace: UUID, new: NewSchedule, actor: Actor, known: Collection[str] = frozenset()
) -> Steps[ScheduleView]:
    """Makes a schedule. `known`: types that are known where nobody's worker says so.

    Raises Invalid, which names the field, UnknownType, Conflict when the name is taken, and Limited.
    """
    rules.check(new)
    yield from _check_type(workspace, new.type, known)
    yield from _check_folders(workspace, new.options)
    now = yield from ask(workers.clock())
    params = (workspace, new.id, *rules.written(new, now, (new.starts_at or now).replace(microsecond=0)))
    made = Query("verbs/create_schedule", (*params, f"{actor.type}:{actor.id or ''}", MOST), query.one)
    if (yield from ask(made)) is None:
        if (yield from ask(named(workspace, new.name))) is not None:
            raise Conflict(f"there is a schedule {new.name!r} already; give this one another name, or change that one")
        raise Limited(f"this workspace has {MOST} schedules already; remove one")
    said = {"name": new.name, "type": new.type, "expression": new.expression, "zone": new.zone}
    yield administration.tell(workspace, "schedule.created", actor, "schedule", str(new.id), said)
    return (yield from _view(workspace, new.id))


def get(workspace: UUID, id: UUID) -> Query[Schedule | None]:
    """One schedule, or None."""
    return Query("reads/schedule", (workspace, id, None), query.one_of(Schedule))


def named(workspace: UUID, name: str) -> Query[Schedule | None]:
    """One schedule by its name, or None."""
    return Query("reads/schedule", (workspace, None, name), query.one_of(Schedule))


@flow
def detail(workspace: UUID, id: UUID) -> Steps[ScheduleView]:
    """One schedule in words, with how its newest ticks went. Raises NotFound."""
    return (yield from _view(workspace, id))


@flow
def listed(
    workspace: UUID, filter: ScheduleFilter = ScheduleFilter(), *, after: str = "", limit: int = 50
) -> Steps[list[ScheduleView]]:
    """A page of schedules by name; `after` is the last name of the page before."""
    params = (workspace, after, None if not filter.text else pattern(filter.text), filter.paused, limit)
    found = yield from ask(Query("reads/schedules", params, query.many_of(Schedule)))
    return (yield from _views(workspace, found))


def ticks(workspace: UUID, id: UUID, *, before: datetime | None = None, limit: int = 50) -> Query[list[Tick]]:
    """A page of the ticks of a schedule, newest first; `before` is the time of the last one of the page before."""
    return Query("reads/schedule_ticks", (workspace, id, before, limit), query.many_of(Tick))


@flow
def history(workspace: UUID, id: UUID, *, limit: int = 50) -> Steps[list[Tick]]:
    """The newest ticks of a schedule. Raises NotFound."""
    if (yield from ask(get(workspace, id))) is None:
        raise missing(id)
    return (yield from ask(ticks(workspace, id, limit=limit)))


def wrong(workspace: UUID, by: str, limit: int = 20) -> Query[list[Wrong]]:
    """Schedules that somebody should look at: those that `by` paused, and those whose newest two jobs failed."""
    return Query("reads/schedules_wrong", (workspace, by, limit), query.many_of(Wrong))


@atomic
def update(
    workspace: UUID,
    id: UUID,
    change: ScheduleChange,
    actor: Actor,
    *,
    version: int | None = None,
    known: Collection[str] = frozenset(),
) -> Steps[ScheduleView]:
    """Changes a schedule; with `version`, only while it is as it was read.

    Raises what `create` raises, NotFound, or ConcurrentUpdate when it has another version.
    """
    before = yield from hold(workspace, id)
    if version is not None and before.version != version:
        raise ConcurrentUpdate(f"schedule {id} is at version {before.version}, not {version}; read it and try again")
    if not change.empty <= EMPTIED:
        raise Invalid(
            f"a schedule cannot do without {', '.join(sorted(change.empty - EMPTIED))}",
            fields=dict.fromkeys(change.empty - EMPTIED, "it cannot be empty"),
        )
    wanted = rules.merged(before, change)
    rules.check(wanted)
    if wanted.type != before.type:
        yield from _check_type(workspace, wanted.type, known)
    if change.options is not None:
        yield from _check_folders(workspace, wanted.options)
    taken = None if wanted.name == before.name else (yield from ask(named(workspace, wanted.name)))
    if taken is not None:
        raise Conflict(f"there is a schedule {wanted.name!r} already; give this one another name")
    now = yield from ask(workers.clock())
    anew = wanted.expression != before.expression or wanted.starts_at != before.starts_at
    anchor = (wanted.starts_at or now).replace(microsecond=0) if anew else before.anchor_at
    same = all(getattr(before, name) == getattr(wanted, name) for name in _TIMING)
    params = rules.written(wanted, now, anchor, before if same else None)
    yield from ask(Query("verbs/update_schedule", (workspace, id, *params), query.one))
    said = sorted({field.name for field in fields(change) if getattr(change, field.name) is not None} - {"empty"})
    payload = {"name": wanted.name, "changed": [*said, *sorted(change.empty)]}
    yield administration.tell(workspace, "schedule.updated", actor, "schedule", str(id), payload)
    return (yield from _view(workspace, id))


@atomic
def pause(workspace: UUID, id: UUID, actor: Actor, reason: str | None = None) -> Steps[ScheduleView]:
    """Lets a schedule make no more jobs; those that there are go on. Raises NotFound."""
    yield from hold(workspace, id)
    said = None if reason is None else clean_text(reason, max_bytes=1_024)
    params = (workspace, id, f"{actor.type}:{actor.id or ''}", said)
    yield from ask(Query("verbs/pause_schedule", params, query.one))
    yield administration.tell(workspace, "schedule.paused", actor, "schedule", str(id), {"reason": said})
    return (yield from _view(workspace, id))


@atomic
def resume(workspace: UUID, id: UUID, actor: Actor) -> Steps[ScheduleView]:
    """Lets a paused schedule go on with the next tick after now. Raises NotFound, or Conflict when it is not paused."""
    held = yield from hold(workspace, id)
    if held.paused_at is None:
        raise Conflict(f"schedule {held.name!r} is not paused")
    now = yield from ask(workers.clock())
    next_at = rules.following(held, now)
    params = (workspace, id, next_at, None if next_at is None else next_at + rules.jitter(held, next_at))
    yield from ask(Query("verbs/resume_schedule", params, query.one))
    yield administration.tell(workspace, "schedule.resumed", actor, "schedule", str(id))
    return (yield from _view(workspace, id))


@atomic
def remove(workspace: UUID, id: UUID, actor: Actor) -> Steps[None]:
    """Removes a schedule with the list of its ticks; its jobs stay with all that happened to them. Raises NotFound."""
    name = yield from ask(Query("verbs/remove_schedule", (workspace, id), query.scalar))
    if name is None:
        raise missing(id)
    yield administration.tell(workspace, "schedule.removed", actor, "schedule", str(id), {"name": name})


def hold(workspace: UUID, id: UUID) -> Steps[Schedule]:
    """Locks a schedule until the transaction ends. Jobs may be locked after it, and nobody who holds a job locks a schedule.

    Raises NotFound.
    """
    if (yield from ask(Query("verbs/hold_schedule", (workspace, id), query.one))) is None:
        raise missing(id)
    found = yield from ask(get(workspace, id))
    if found is None:
        raise missing(id)
    return found


def forget_ticks(before: datetime, limit: int = 1_000) -> Query[int]:
    """Forgets up to `limit` ticks made before a time; answers how many."""
    return Query("verbs/forget_ticks", (before, limit), query.count)


@flow
def preview(expression: str, zone: str, count: int = 10, after: datetime | None = None) -> Steps[list[Planned]]:
    """The next ticks of an expression that no schedule has yet, after a time or now. Raises Invalid."""
    now = yield from ask(workers.clock())
    return rules.planned(expression, zone, after or now, count)


@flow
def upcoming(workspace: UUID, id: UUID, count: int = 10) -> Steps[list[Planned]]:
    """The next ticks of a schedule, as if it were not paused. Raises NotFound, Invalid."""
    found = yield from ask(get(workspace, id))
    if found is None:
        raise missing(id)
    now = yield from ask(workers.clock())
    return rules.coming(found, now, count)


def _check_type(workspace: UUID, type: str, known: Collection[str]) -> Steps[None]:
    if type in known or (yield from ask(types.get(workspace, type))) is not None:
        return
    raise UnknownType(
        f"type: nobody knows a type {type!r}: start a worker that runs it first, or look at jobtrail type list",
        fields={"type": "nobody knows it"},
    )


def _check_folders(workspace: UUID, options: JobOptions) -> Steps[None]:
    found = Query("reads/project", (workspace, options.project_id), query.rows)
    if options.project_id is not None and not (yield from ask(found)):
        raise _not_there("project", options.project_id)
    found = Query("reads/task", (workspace, options.task_id), query.rows)
    if options.task_id is not None and not (yield from ask(found)):
        raise _not_there("task", options.task_id)


def _not_there(noun: str, id: UUID) -> Invalid:
    field = f"options.{noun}_id"
    return Invalid(f"{field}: there is no {noun} {id} in this workspace", fields={field: "it is not there"})


def _view(workspace: UUID, id: UUID) -> Steps[ScheduleView]:
    found = yield from ask(get(workspace, id))
    if found is None:
        raise missing(id)
    return (yield from _views(workspace, [found]))[0]


def _views(workspace: UUID, found: Sequence[Schedule]) -> Steps[list[ScheduleView]]:
    params = (workspace, [one.id for one in found], SHOWN)
    went: dict[UUID, list[Glimpse]] = {}
    for one in (yield from ask(Query("reads/schedule_glimpses", params, query.many_of(Glimpse)))) if found else []:
        went.setdefault(one.schedule_id, []).append(one)
    return [
        ScheduleView(
            **{field.name: getattr(one, field.name) for field in fields(Schedule)},
            words=schedule_words.words(one.expression),
            ticks=went.get(one.id, []),
        )
        for one in found
    ]


def missing(id: UUID) -> NotFound:
    """The error for a schedule that is not there."""
    return NotFound(f"there is no schedule {id} in this workspace")
