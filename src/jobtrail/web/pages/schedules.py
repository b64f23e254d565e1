"""Schedules: what makes jobs at times, when each is due next, in its zone and in UTC, and how its ticks went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from jobtrail.core import schedule_rules, schedule_words
from jobtrail.core.errors import Invalid
from jobtrail.core.schedule import CatchUp, Overlap, Planned, zone_of
from jobtrail.core.schedules import SCHEDULER, Glimpse, Schedule, ScheduleFilter, ScheduleView, Tick
from jobtrail.core.scopes import ApiScope
from jobtrail.core.shown import counted, glyph
from jobtrail.service import schedules
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Time

_PAGE: Final = 100
_TICKS: Final = 50
_COMING: Final = 10
_SIGNS: Final = {"OVERLAP": "»", "MISSED": "-", "REFUSED": "!"}
_STYLES: Final = {"OVERLAP": "cancelled", "MISSED": "lost", "REFUSED": "failed", "JOB": "task"}


class SchedulesPageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which schedules, and an expression to try."""

    text: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    after: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    expression: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    zone: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class TicksPageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where the list of ticks goes on: before a time."""

    before: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """An expression that somebody tries: what it means and when it is due, or what is wrong with it."""

    expression: str
    zone: str
    words: str
    coming: list[Planned]
    wrong: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePage:
    """A schedule, what comes next, and what came of its ticks."""

    schedule: ScheduleView
    coming: list[Planned]
    ticks: list[Tick]
    older: datetime | None


async def show_schedules(call: Call, query: SchedulesPageQuery) -> Response:
    """All schedules, by name."""
    call.principal.require(ApiScope.JOBS_READ)
    wanted = ScheduleFilter(text=query.text or None)
    found = await call.read(schedules.listed(call.workspace, wanted, after=query.after or "", limit=_PAGE + 1))
    return await page(
        call,
        "schedules.html",
        "Schedules",
        found=found[:_PAGE],
        more=found[_PAGE - 1].name if len(found) > _PAGE else None,
        query=query,
        trial=_trial(query) if query.expression else None,
        clocks=_clocks(found[:_PAGE]),
        overlaps=list(Overlap),
        catch_ups=list(CatchUp),
        **_said(),
    )


async def show_schedule(call: Call, schedule_id: UUID, query: TicksPageQuery) -> Response:
    """One schedule."""
    call.principal.require(ApiScope.JOBS_READ)
    one = await call.read(_schedule(call.workspace, schedule_id, query.before))
    return await page(
        call,
        "schedule.html",
        one.schedule.name,
        one=one,
        query=query,
        clocks=_clocks([one.schedule]),
        overlaps=list(Overlap),
        catch_ups=list(CatchUp),
        **_said(),
    )


@flow
def _schedule(workspace: UUID, id: UUID, before: datetime | None) -> Steps[SchedulePage]:
    held = yield from schedules.detail(workspace, id).begin()
    found = yield from ask(schedules.ticks(workspace, id, before=before, limit=_TICKS + 1))
    older = found[_TICKS - 1].at if len(found) > _TICKS else None
    return SchedulePage(schedule=held, coming=_coming(held), ticks=found[:_TICKS], older=older)


def _coming(held: ScheduleView) -> list[Planned]:
    """The next ticks; none where the zone or the expression cannot be read any more, which its state tells."""
    try:
        return schedule_rules.coming(held, datetime.now(UTC), _COMING) if held.next_at or held.paused_at else []
    except Invalid:
        return []


def _trial(query: SchedulesPageQuery) -> Trial:
    text, zone = query.expression or "", query.zone or "UTC"
    try:
        coming = schedule_rules.planned(text, zone, datetime.now(UTC), _COMING)
    except Invalid as error:
        return Trial(expression=text, zone=zone, words="", coming=[], wrong=error.message)
    return Trial(expression=text, zone=zone, words=schedule_words.words(text), coming=coming)


def _clocks(found: Sequence[Schedule]) -> list[tuple[str, str]]:
    """What the clocks of some zones show now, and of UTC: those that most of the schedules go by."""
    zones = [one.zone for one in found]
    names = sorted(set(zones) - {"UTC"}, key=lambda name: (-zones.count(name), name))[:3]
    now = datetime.now(UTC)
    return [(f"{now.astimezone(_zone(name)):%H:%M}", name) for name in (*names, "UTC")]


def _zone(name: str) -> ZoneInfo:
    """A zone, and UTC for one that is not known any more."""
    try:
        return zone_of(name)
    except Invalid:
        return ZoneInfo("UTC")


def _said() -> dict[str, object]:
    """What the templates ask of schedules."""
    return {"local": _local, "state": _state, "sign": _sign, "style": _style, "strip": _strip}


def _local(at: datetime | None, zone: str) -> str:
    """A time as the clocks of a zone show it."""
    return "—" if at is None else f"{at.astimezone(_zone(zone)):%a %Y-%m-%d %H:%M:%S}"


def _state(one: Schedule) -> str:
    if one.paused_at is not None:
        return "broken" if one.paused_by == SCHEDULER else "paused"
    return "ended" if one.next_at is None else "on"


def _sign(went: str) -> str:
    return _SIGNS.get(went) or glyph(went)


def _style(went: str) -> str:
    return _STYLES.get(went, went.lower())


def _strip(ticks: Sequence[Glimpse]) -> str:
    """What the signs of some ticks say, in words."""
    words = [one.went for one in ticks]
    each = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return f"last {counted(len(ticks), 'tick')}: {each}" if ticks else "no tick yet"
