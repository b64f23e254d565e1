"""Routes of schedules: what makes jobs at times, their ticks, and what comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from jobtrail.core import jsonguard
from jobtrail.core.schedule import CatchUp, Overlap, Planned
from jobtrail.core.schedules import JobOptions, NewSchedule, ScheduleChange, ScheduleFilter, ScheduleView, Tick
from jobtrail.runners import registry
from jobtrail.service import schedules, ticking
from jobtrail.service.ticking import Backfill
from jobtrail.store.identity import new_id, new_ids
from jobtrail.web import cursors
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.versions import Match, etag, version_of
from jobtrail.web.views import Cursor, Limit, Name, Reason, Time

_Expression = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=255,
        description='Five fields, six with seconds first, a name such as @daily, "every 15m" or "at 2027-01-31T18:00".',
    ),
]
_Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="An IANA name, such as Europe/Berlin.")]
_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=1_024)]
_Jitter = Annotated[float, msgspec.Meta(ge=0, le=86_400)]
_Most = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
_Moment = Annotated[int, msgspec.Meta(ge=0, le=1 << 55)]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_Count = Annotated[int, msgspec.Meta(ge=1, le=100, description="How many.")]


class NewScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A schedule to make. In the texts of `input` and in `title`, {tick} stands for the time of the tick."""

    name: Name
    type: Name
    expression: _Expression
    zone: _Zone = "UTC"
    input: Any = msgspec.field(default_factory=dict)
    title: _Title | None = None
    options: JobOptions = JobOptions()
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LAST
    catch_up_most: _Most = 100
    jitter_seconds: _Jitter = 0.0
    starts_at: Time | None = None
    ends_at: Time | None = None


class ScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """New values; what is left out stays, null takes away what a schedule may do without. `options` replace all before."""

    name: Name | UnsetType = UNSET
    type: Name | UnsetType = UNSET
    expression: _Expression | UnsetType = UNSET
    zone: _Zone | UnsetType = UNSET
    input: Any | UnsetType = UNSET
    title: _Title | UnsetType | None = UNSET
    options: JobOptions | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET
    catch_up: CatchUp | UnsetType = UNSET
    catch_up_most: _Most | UnsetType = UNSET
    jitter_seconds: _Jitter | UnsetType = UNSET
    starts_at: Time | UnsetType | None = UNSET
    ends_at: Time | UnsetType | None = UNSET


class SchedulesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which schedules; `text` is a part of name or type."""

    text: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    paused: bool | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


class PreviewQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which expression, and from when on; from now if not said."""

    expression: _Expression
    zone: _Zone = "UTC"
    count: _Count = 10
    after: Time | None = None


class NextQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How many ticks to come."""

    count: _Count = 10


class TicksQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which ticks."""

    limit: Limit = 50
    cursor: Cursor | None = None


class TicksToCome(msgspec.Struct, frozen=True):
    """The next ticks, in UTC and as the clocks of the zone show them; none: it is never due again."""

    items: list[Planned]


class PauseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is paused."""

    reason: Reason | None = None


class RunOfSchedule(msgspec.Struct, frozen=True):
    """The job that stands for the tick."""

    job_id: UUID


class BackfillBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The time whose ticks get their jobs: from `since` on, before `until`. `dry_run`: only count."""

    since: Time
    until: Time
    limit: _Most = 100
    dry_run: bool = False


async def create_schedule(call: Call, body: NewScheduleBody) -> Reply[ScheduleView]:
    """Make a schedule. Its type must be known: to this service, or to a worker."""
    said = {name: getattr(body, name) for name in body.__struct_fields__}
    said["input"] = jsonguard.encode(body.input, at="input")
    said["options"] = ticking.with_defaults(body.options, call.runtime.service.types.get(body.type))
    new = NewSchedule(id=new_id(), **said)
    made = await call.write(schedules.create(call.workspace, new, call.principal.actor, _known(call)))
    return _schedule(made, {"Location": f"{call.prefix}/api/v1/schedules/{made.id}"})


async def list_schedules(call: Call, query: SchedulesQuery) -> Page[ScheduleView]:
    """List schedules, by name."""
    after = cursors.place(query.cursor, "schedules", str) or ""
    filter = ScheduleFilter(text=query.text, paused=query.paused)
    found = await call.read(schedules.listed(call.workspace, filter, after=after, limit=query.limit + 1))
    items = found[: query.limit]
    return Page(items, cursors.cursor("schedules", items[-1].name) if len(found) > query.limit else None)


async def preview_schedule(call: Call, query: PreviewQuery) -> TicksToCome:
    """When an expression is due that no schedule has yet."""
    return TicksToCome(await call.read(schedules.preview(query.expression, query.zone, query.count, query.after)))


async def get_schedule(call: Call, schedule_id: UUID) -> Reply[ScheduleView]:
    """One schedule in words, with how its newest ticks went."""
    return _schedule(await call.read(schedules.detail(call.workspace, schedule_id)))


async def change_schedule(call: Call, schedule_id: UUID, headers: Match, body: ScheduleBody) -> Reply[ScheduleView]:
    """Change a schedule; with If-Match only while it is as it was read."""
    said = {name: getattr(body, name) for name in body.__struct_fields__ if getattr(body, name) is not UNSET}
    if "input" in said:
        said["input"] = jsonguard.encode(said["input"], at="input")
    empty = frozenset(name for name, value in said.items() if value is None)
    change = ScheduleChange(**{name: value for name, value in said.items() if value is not None}, empty=empty)
    version = version_of(headers.if_match)
    wanted = schedules.update(
        call.workspace, schedule_id, change, call.principal.actor, version=version, known=_known(call)
    )
    return _schedule(await call.write(wanted))


async def remove_schedule(call: Call, schedule_id: UUID) -> None:
    """Remove a schedule with the list of its ticks; its jobs stay."""
    await call.write(schedules.remove(call.workspace, schedule_id, call.principal.actor))


async def pause_schedule(call: Call, schedule_id: UUID, body: PauseBody) -> Reply[ScheduleView]:
    """Let a schedule make no more jobs; those that there are go on."""
    return _schedule(await call.write(schedules.pause(call.workspace, schedule_id, call.principal.actor, body.reason)))


async def resume_schedule(call: Call, schedule_id: UUID) -> Reply[ScheduleView]:
    """Let a paused schedule go on with its next tick."""
    return _schedule(await call.write(schedules.resume(call.workspace, schedule_id, call.principal.actor)))


async def run_schedule(call: Call, schedule_id: UUID) -> Reply[RunOfSchedule]:
    """Make a job of a schedule at once, whatever else of it runs."""
    made = await call.write(ticking.run_now(call.workspace, schedule_id, new_ids, call.principal.actor))
    call.runtime.nudger.nudge([made.queue])
    return Reply(RunOfSchedule(made.jobs[0]), status=201)


async def backfill_schedule(call: Call, schedule_id: UUID, body: BackfillBody) -> Reply[Backfill]:
    """Make the jobs of all ticks of a past time that have none."""
    done = await call.write(
        ticking.backfill(
            call.workspace, schedule_id, body.since, body.until, new_ids, call.principal.actor,
            most=body.limit, dry_run=body.dry_run,
        )
    )  # fmt: skip
    if done.jobs:
        call.runtime.nudger.nudge([done.queue])
    return Reply(done, status=201 if done.jobs else 200)


async def list_next_ticks(call: Call, schedule_id: UUID, query: NextQuery) -> TicksToCome:
    """The next ticks of a schedule, as if it were not paused."""
    return TicksToCome(await call.read(schedules.upcoming(call.workspace, schedule_id, query.count)))


async def list_schedule_ticks(call: Call, schedule_id: UUID, query: TicksQuery) -> Page[Tick]:
    """The ticks of a schedule, newest first: the job of each, or why it made none."""
    place = cursors.place(query.cursor, "ticks", _Moment)
    before = None if place is None else _EPOCH + timedelta(microseconds=place)
    await call.found(schedules.get(call.workspace, schedule_id), f"schedule {schedule_id}")
    found = await call.read(schedules.ticks(call.workspace, schedule_id, before=before, limit=query.limit + 1))
    items = found[: query.limit]
    return Page(items, cursors.cursor("ticks", _moment(items[-1])) if len(found) > query.limit else None)


def _moment(tick: Tick) -> int:
    return (tick.at - _EPOCH) // timedelta(microseconds=1)


def _known(call: Call) -> frozenset[str]:
    """The types that are installed here or stand in the app of this service."""
    return frozenset(call.runtime.service.types) | {one.type for one in registry.installed()}


def _schedule(found: ScheduleView, more: dict[str, str] | None = None) -> Reply[ScheduleView]:
    return Reply(found, headers={"ETag": etag(found.version), **(more or {})})
