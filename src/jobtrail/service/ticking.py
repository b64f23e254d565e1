"""Ticks of schedules: what is due becomes jobs, each tick once, with the schedule's next time in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from jobtrail.core import catch_up, jsonguard, schedule, schedule_rules
from jobtrail.core.budget_terms import spoken
from jobtrail.core.errors import ConcurrentUpdate, Conflict, Invalid, Limited
from jobtrail.core.model import Actor
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.schedules import JobBudget, JobOptions, Schedule, TickOutcome
from jobtrail.core.status import ActorType
from jobtrail.core.template_tick import filled
from jobtrail.core.terms import key_of
from jobtrail.service import accepting, jobs, schedules, validations, workers
from jobtrail.service.accepting import NewJob, Options
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

MOST_DUE: Final = 100
NewIds = Callable[[int], Sequence[UUID]]


@dataclass(frozen=True, slots=True)
class Made:
    """What ticks made: jobs, in which queue."""

    jobs: tuple[UUID, ...] = ()
    queue: str = "default"


@dataclass(slots=True)
class _Row:
    """A tick to note; one with `job` gets a job."""

    at: datetime
    last_at: datetime
    ticks: int | None
    outcome: TickOutcome
    reason: str | None = None
    job_id: UUID | None = field(default=None)


class Waiting(NamedTuple):
    """A schedule that is due."""

    workspace: UUID
    id: UUID


def due(limit: int = MOST_DUE) -> Query[list[Waiting]]:
    """The schedules that are due, the one that is due longest first."""
    return Query("reads/schedules_due", (limit,), lambda rows: [Waiting(*row) for row in rows])


def next_due_seconds() -> Query[float | None]:
    """In how many seconds, by the database's clock, a schedule is due next; None: none is."""
    return Query("reads/schedule_next_due", (), query.scalar)


@atomic
def make(workspace: UUID, id: UUID, new_ids: NewIds, *, refused: str | None = None) -> Steps[Made | None]:
    """Makes what is due of a schedule; None when it is not due, or somebody else makes it. With `refused` no jobs are
    made, and the ticks say why. Raises what accepting jobs raises; then nothing was made.
    """
    if (yield from ask(Query("verbs/take_schedule", (workspace, id), query.one))) is None:
        return None
    held = yield from schedules.hold(workspace, id)
    now = yield from ask(workers.clock())
    if held.next_at is None or held.due_at is None or held.due_at > now:
        return None
    timing = schedule.parse(held.expression, held.zone, held.anchor_at)
    found = catch_up.due(
        timing, held.next_at, held.due_at, now, CatchUp(held.catch_up), held.catch_up_most,
        lambda at: schedule_rules.jitter(held, at), held.ends_at,
    )  # fmt: skip
    late, on_time = found.late, found.on_time
    rows: list[_Row] = []
    if found.missed is not None:
        said = f"nobody made it in time; catch-up is {held.catch_up}"
        rows.append(_Row(found.missed.first_at, found.missed.last_at, found.missed.ticks, TickOutcome.MISSED, said))
    if refused is not None:
        rows += [_Row(at, at, 1, TickOutcome.REFUSED, refused) for at in (*late, *on_time)]
    else:
        caught = late if held.catch_up == CatchUp.ALL else ()
        rows += [_Row(at, at, 1, TickOutcome.JOB, "caught up") for at in caught]
        rows += yield from _overlapping(workspace, held, [at for at in (*late, *on_time) if at not in caught], caught)
    actor = Actor(ActorType.SCHEDULE, str(id))
    made = yield from _note(workspace, held, rows, new_ids, actor, manual=False, in_turn=bool(late))
    last = max((row.last_at for row in rows), default=held.next_at)
    params = (workspace, id, found.next_at, found.due_at, last)
    yield from ask(Query("verbs/advance_schedule", params, query.nothing))
    return made


@atomic
def run_now(workspace: UUID, id: UUID, new_ids: NewIds, actor: Actor) -> Steps[Made]:
    """Makes a job of a schedule at once, paused or not, whatever else of it runs. Raises NotFound, Invalid, Conflict."""
    held = yield from schedules.hold(workspace, id)
    now = yield from ask(workers.clock())
    rows = [_Row(now, now, 1, TickOutcome.JOB)]
    return (yield from _note(workspace, held, rows, new_ids, actor, manual=True, in_turn=False))


@dataclass(frozen=True, slots=True)
class Backfill:
    """Ticks of a time that is past: how many have no job yet, and the jobs that were made for them."""

    ticks: int
    first_at: datetime | None
    last_at: datetime | None
    jobs: tuple[UUID, ...] = ()
    queue: str = "default"


@atomic
def backfill(
    workspace: UUID,
    id: UUID,
    since: datetime,
    until: datetime,
    new_ids: NewIds,
    actor: Actor,
    *,
    most: int = 100,
    dry_run: bool = False,
) -> Steps[Backfill]:
    """Makes the jobs of all ticks from a time on and before another one that have none yet, one after another. With
    `dry_run` it only counts. Raises NotFound, Invalid for a time to come, and Limited for more than `most` ticks.
    """
    schedule_rules.check_time("since", since)
    schedule_rules.check_time("until", until)
    held = yield from schedules.hold(workspace, id)
    now = yield from ask(workers.clock())
    if not since < until <= now:
        raise Invalid(
            "the time from which (since) must be before the time to which (until), and that not in the future: "
            "what is to come, the schedule makes itself",
            fields={"until": "not after since, or in the future"},
        )
    most = min(most, catch_up.MOST_CAUGHT_UP)
    timing = schedule.parse(held.expression, held.zone, held.anchor_at)
    wanted = list(
        islice(takewhile(lambda at: at < until, schedule.after(timing, since - timedelta(microseconds=1))), most * 10)
    )
    there = yield from ask(Query("reads/ticks_made", (workspace, id, wanted), lambda rows: {row[0] for row in rows}))
    lacking = [at for at in wanted if at not in there]
    if len(lacking) > most:
        raise Limited(
            f"more than {most} ticks of schedule {held.name!r} lack a job in this time; "
            f"take less of it, or a higher limit (at most {catch_up.MOST_CAUGHT_UP})"
        )
    first, last = (lacking[0], lacking[-1]) if lacking else (None, None)
    if dry_run or not lacking:
        return Backfill(len(lacking), first, last)
    rows = [_Row(at, at, 1, TickOutcome.JOB, "backfilled") for at in lacking]
    made = yield from _note(workspace, held, rows, new_ids, actor, manual=True, in_turn=True)
    return Backfill(len(lacking), first, last, made.jobs, made.queue)


@atomic
def break_off(workspace: UUID, id: UUID, reason: str) -> Steps[None]:
    """Pauses a schedule that can make no job, and says why. Nothing happens when it is gone."""
    if (yield from ask(Query("verbs/take_schedule", (workspace, id), query.one))) is None:
        return
    yield from schedules.pause(workspace, id, Actor(ActorType.SYSTEM, "scheduler"), reason).begin()


def with_defaults(said: JobOptions, default: Options | None) -> JobOptions:
    """What is said of a schedule's jobs, and where nothing is, what their type has where that is not as by default."""
    if default is None:
        return said
    plain = Options(type=default.type)
    more = {
        name: value
        for name in JobOptions.__struct_fields__
        if getattr(said, name) is None
        and hasattr(default, name)
        and (value := getattr(default, name)) != getattr(plain, name)
    }
    more |= {name: list(more[name]) for name in ("tags", "unique_by") if name in more}
    if "budget" in more:
        more["budget"] = msgspec.convert(spoken(more["budget"]), JobBudget)
    return msgspec.structs.replace(said, **more)


def _overlapping(
    workspace: UUID, held: Schedule, wanted: Sequence[datetime], before: Sequence[datetime]
) -> Steps[list[_Row]]:
    """What comes of ticks while jobs of the schedule have not ended; `before` make jobs in any case."""
    if held.overlap in (Overlap.QUEUE, Overlap.ALLOW) or not wanted:
        return [_Row(at, at, 1, TickOutcome.JOB) for at in wanted]
    live = yield from ask(Query("reads/schedule_live", (workspace, held.id), lambda rows: [row[0] for row in rows]))
    if held.overlap == Overlap.SKIP:
        rows = [_Row(at, at, 1, TickOutcome.OVERLAP, "a job of the tick before it has not ended") for at in wanted]
        if live:
            rows = [replace(row, reason=f"job {live[-1]} has not ended") for row in rows]
        elif not before:
            rows[0] = _Row(wanted[0], wanted[0], 1, TickOutcome.JOB)
        return rows
    newest = wanted[-1]
    actor = Actor(ActorType.SCHEDULE, str(held.id))
    for job_id in live:
        try:
            yield from jobs.cancel(workspace, job_id, actor, f"superseded by the tick of {newest.isoformat()}").begin()
        except Conflict:
            continue  # it has ended meanwhile
    rows = [_Row(at, at, 1, TickOutcome.OVERLAP, "superseded by the next tick") for at in wanted[:-1]]
    return [*rows, _Row(newest, newest, 1, TickOutcome.JOB)]


def _note(
    workspace: UUID, held: Schedule, rows: list[_Row], new_ids: NewIds, actor: Actor, *, manual: bool, in_turn: bool
) -> Steps[Made]:
    """Writes the ticks, with a job for each that gets one and has none. The schedule's lock keeps others out meanwhile.
    `in_turn`: the jobs wait for each other, unless the schedule allows them to run side by side."""
    options, unique_key = yield from _options(held, in_turn=in_turn)
    wanted = [row for row in rows if row.outcome == TickOutcome.JOB]
    ats = [row.at for row in wanted]
    there = yield from ask(
        Query("reads/ticks_made", (workspace, held.id, ats), lambda found: {one[0] for one in found})
    )
    wanted = [row for row in wanted if row.at not in there]
    rows = [row for row in rows if row.outcome != TickOutcome.JOB or row.at not in there]
    ids = new_ids(len(wanted)) if wanted else ()
    new = [_job(held, row.at, id, options, unique_key) for row, id in zip(wanted, ids, strict=True)]
    done = yield from accepting.enqueue(workspace, new, actor).begin()
    for row, id in zip(wanted, done.ids, strict=True):
        row.job_id = id
        if id in done.existed:
            row.reason = "another job held the unique key, and stands for it"
    params = (
        workspace,
        held.id,
        [row.at for row in rows],
        [row.last_at for row in rows],
        [row.ticks for row in rows],
        [row.outcome for row in rows],
        [row.job_id for row in rows],
        [row.reason for row in rows],
        manual,
        f"{actor.type}:{actor.id or ''}",
    )
    if rows:
        noted = {one[0] for one in (yield from ask(Query("verbs/tick", params, query.rows)))}
        if not {row.at for row in wanted} <= noted:
            raise ConcurrentUpdate(f"a tick of schedule {held.id} was made meanwhile; it is looked at again")
    return Made(tuple(row.job_id for row in wanted if row.job_id is not None), options.queue)


def _job(held: Schedule, at: datetime, id: UUID, options: Options, unique_key: str | None) -> NewJob:
    tick = at.astimezone(schedule.zone_of(held.zone))
    title = None if held.title is None else str(filled(held.title, tick, held.name))
    input = filled(held.input, tick, held.name)
    raw = jsonguard.encode(input, at="input")
    if options.concurrency_key is not None and isinstance(input, dict):
        options = replace(options, concurrency_key=key_of(options.concurrency_key, input))
    key = None if unique_key is None else str(filled(unique_key, tick, held.name))
    return NewJob(id=id, input=raw, options=options, title=title, unique_key=key)


def _options(held: Schedule, *, in_turn: bool) -> Steps[tuple[Options, str | None]]:
    """How the jobs of a schedule run. Where they run one after another, they share a concurrency key."""
    said = schedule_rules.options_of(held.options)
    names = [name for name in JobOptions.__struct_fields__ if name != "unique_key" and getattr(said, name) is not None]
    given: dict[str, Any] = {name: getattr(said, name) for name in names}
    given |= {name: tuple(given[name]) for name in ("tags", "unique_by") if name in given}
    if said.budget is not None:
        given["budget"] = said.budget.budget()
    in_turn = held.overlap in (Overlap.QUEUE, Overlap.REPLACE) or (in_turn and held.overlap != Overlap.ALLOW)
    if in_turn and said.concurrency_key is None:
        given["concurrency_key"] = f"schedule:{held.id}"
    options = Options(type=held.type, schedule_id=held.id, **given)
    checked = yield from ask(validations.checked_types())
    return replace(options, checked=checked.get((options.type, options.queue), False)), said.unique_key
