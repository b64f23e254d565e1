"""From what people type to a schedule, and from one to the lines that they read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from jobtrail.cli import refs, words
from jobtrail.cli.flags import Plain
from jobtrail.cli.telling import Usage, with_fix
from jobtrail.client import JobsClient
from jobtrail.core.errors import NotFound
from jobtrail.core.ids import parse_id, short
from jobtrail.core.schedules import SCHEDULER, Schedule, ScheduleFilter, ScheduleView
from jobtrail.core.shown import glyph

ScheduleRef = Annotated[str, Plain]
"""A schedule as people name it: its name, its id, or four or more digits of its start or end."""

_SEARCHED: Final = 1_000
_WHOLE: Final = 32


def meant(client: JobsClient, ref: str) -> ScheduleView:
    """The schedule that is meant, by its name, its id or digits of that. Raises NotFound."""
    named = [one for one in client.schedules.list(ScheduleFilter(text=ref), limit=_SEARCHED) if one.name == ref]
    if named:
        return named[0]
    if len(ref.replace("-", "")) == _WHOLE:
        return client.schedules.get(parse_id(ref, "schedule"))
    found = refs.one_of([one.id for one in client.schedules.list(limit=_SEARCHED)], ref)
    if found is None:
        raise with_fix(NotFound(f"there is no schedule {ref!r}"), "jobtrail schedule list")
    return client.schedules.get(found)


def id_of(client: JobsClient, ref: str) -> UUID:
    """Its id."""
    return meant(client, ref).id


def time_in(given: str, zone: str, option: str) -> datetime:
    """A time as it is typed, in the schedule's zone where it names none. Raises Usage."""
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        raise Usage(f"{option} {given!r} is no time; write 2027-01-31T18:00, or with its zone +01:00") from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def state(one: Schedule) -> str:
    """How it stands, in a word or two."""
    if one.paused_at is not None:
        return "broken" if one.paused_by == SCHEDULER else "paused"
    if one.next_at is None:
        return "ended"
    return "on" if one.undeclared_at is None else "on, no longer declared"


def local(at: datetime | None, zone: str) -> str:
    """A time as the clocks of a zone show it, with the zone."""
    return "" if at is None else f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} {zone}"


def strip(one: ScheduleView) -> str:
    """How the newest ticks went, a sign each."""
    return "".join(
        {"OVERLAP": "»", "MISSED": "-", "REFUSED": "!"}.get(each.went) or glyph(each.went) for each in one.ticks
    )


def lines(one: ScheduleView) -> list[tuple[str, object]]:
    """What matters of a schedule."""
    catch_up = f"{one.catch_up}, at most {one.catch_up_most}" if one.catch_up == "ALL" else one.catch_up
    return [
        ("id", one.id),
        ("name", one.name),
        ("when", one.words),
        ("expression", one.expression),
        ("zone", one.zone),
        ("type", one.type),
        ("title", one.title),
        ("input", one.input),
        ("options", one.options or None),
        ("state", state(one)),
        ("next", local(one.next_at, one.zone) if one.paused_at is None else None),
        ("in UTC", words.absolute(one.next_at) if one.paused_at is None else None),
        ("overlap", one.overlap),
        ("catch-up", catch_up),
        ("jitter", f"up to {one.jitter_seconds:g} s" if one.jitter_seconds else None),
        ("starts", local(one.starts_at, one.zone)),
        ("ends", local(one.ends_at, one.zone)),
        ("paused", f"{words.ago(one.paused_at)} by {one.paused_by}" if one.paused_at else None),
        ("why", one.paused_reason),
        ("declared", one.declared_by),
        ("undeclared", words.ago(one.undeclared_at) if one.undeclared_at else None),
        ("last ticks", strip(one)),
        ("version", one.version),
    ]


def undo(one: Schedule) -> str:
    """How it is named in a command that follows."""
    return short(one.id)
