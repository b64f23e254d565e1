"""When a schedule is due: expressions, intervals and single times in a time zone. Arithmetic only; the time is passed in."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from typing import Final, TypeAlias, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim as Calendar
from cronsim import CronSimError as Unreadable

from jobtrail.core import duration
from jobtrail.core.errors import Invalid

SHORTEST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(days=3_660)
LONGEST_EXPRESSION: Final = 255
NAMES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_END: Final = datetime(2900, 1, 1, tzinfo=UTC)
"""Nothing is planned beyond it; so no sum of times can be more than a datetime holds."""
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
_HOW: Final = (
    'write five fields ("0 9 * * MON-FRI"), six with seconds first, a name (@hourly @daily @weekly @monthly @yearly), '
    '"every 15m", or "at 2027-01-31T18:00"'
)


class Overlap(StrEnum):
    """What comes of a tick while a job of the schedule has not ended."""

    SKIP = "SKIP"
    QUEUE = "QUEUE"
    REPLACE = "REPLACE"
    ALLOW = "ALLOW"


class CatchUp(StrEnum):
    """What comes of ticks that were missed: nothing, one job for all, or a job each."""

    SKIP = "SKIP"
    LAST = "LAST"
    ALL = "ALL"


@dataclass(frozen=True, slots=True)
class ByFields:
    """Five or six fields. `fixed`: no wildcard stands first in second, minute and hour, so that it speaks of certain
    times of day: where clocks go forward, what lies in the gap is due at its end; where they go back, only the first of
    two equal times counts. Any other expression is due whenever a clock on the wall fits it."""

    fields: str
    zone: ZoneInfo
    fixed: bool


@dataclass(frozen=True, slots=True)
class Every:
    """Due at the anchor and every so often after it, by elapsed time: it does not drift."""

    length: timedelta
    anchor: datetime


@dataclass(frozen=True, slots=True)
class Once:
    """Due a single time."""

    at: datetime


Timing: TypeAlias = ByFields | Every | Once


@dataclass(frozen=True, slots=True)
class Planned:
    """A tick to come: in UTC, as the clocks of the zone show it, and what is special about it where they change."""

    at: datetime
    local: datetime
    note: str | None = None


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises Invalid."""
    try:
        if name.startswith(("right/", "posix", "localtime", "Factory")) or not re.fullmatch(
            r"[A-Za-z0-9_+\-/]{1,64}", name
        ):
            raise ZoneInfoNotFoundError
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = _close_zones(name)
        hint = f"did you mean {', '.join(close)}?" if close else "take an IANA name, such as Europe/Berlin or UTC"
        raise Invalid(f"there is no time zone {name[:64]!r}; {hint}", fields={"zone": "not a time zone"}) from None


def parse(expression: str, zone: str, anchor: datetime) -> Timing:
    """Reads when something is due. `anchor`: from when intervals count. Raises Invalid, which names the field.

    >>> parse("every 15m", "UTC", datetime(2026, 1, 1, tzinfo=UTC)).length
    datetime.timedelta(seconds=900)
    """
    home = zone_of(zone)
    text = " ".join(expression.split())
    if not text or len(expression) > LONGEST_EXPRESSION:
        raise _wrong(f"an expression has 1 to {LONGEST_EXPRESSION} characters")
    word, _, rest = text.partition(" ")
    match word.lower():
        case "every":
            return _every(rest, anchor)
        case "at":
            return _once(rest, home)
    return _by_fields(text, home)


def after(timing: Timing, moment: datetime) -> Iterator[datetime]:
    """The ticks after a moment, in UTC and in order; they end where nothing more is to come."""
    return (one.at for one in _planned(timing, moment.astimezone(UTC)))


def next_after(timing: Timing, moment: datetime) -> datetime | None:
    """The next tick after a moment; None: it is never due again."""
    return next(after(timing, moment), None)


def preview(timing: Timing, zone: str, moment: datetime, ticks: int) -> list[Planned]:
    """The next ticks after a moment, as people look at them."""
    home = zone_of(zone)
    return [
        Planned(one.at, one.at.astimezone(home), one.note or _note(one.at, home))
        for one in islice(_planned(timing, moment.astimezone(UTC)), ticks)
    ]


def jitter(schedule_id: UUID, at: datetime, most_seconds: float) -> timedelta:
    """By how much a tick is put off: the same for whoever works it out, and spread evenly below `most_seconds`."""
    if most_seconds <= 0:
        return timedelta(0)
    said = schedule_id.bytes + round(at.timestamp() * 1_000_000).to_bytes(8, "big", signed=True)
    share = int.from_bytes(hashlib.sha256(said).digest()[:6], "big") / (1 << 48)
    return timedelta(milliseconds=int(most_seconds * 1_000 * share))


def _planned(timing: Timing, moment: datetime) -> Iterator[Planned]:
    """Ticks with their notes; `local` is UTC here."""
    match timing:
        case Once(at=at):
            found: Iterator[Planned] = iter([Planned(at, at)] if at > moment else [])
        case Every():
            found = _by_interval(timing, moment)
        case ByFields(fixed=True):
            found = _by_time_of_day(timing, moment)
        case ByFields():
            found = _by_clock(timing, moment)
        case _:
            assert_never(timing)
    return takewhile(lambda one: one.at < _END, found) if moment < _END else iter(())


def _by_interval(timing: Every, moment: datetime) -> Iterator[Planned]:
    number = max(0, (moment - timing.anchor) // timing.length + 1)
    while (at := timing.anchor + number * timing.length) < _END:
        yield Planned(at, at)
        number += 1


def _by_time_of_day(timing: ByFields, moment: datetime) -> Iterator[Planned]:
    zone, last = timing.zone, moment
    for shown in _fitting(timing.fields, moment.astimezone(zone).replace(tzinfo=None)):
        at = shown.replace(tzinfo=zone).astimezone(UTC)
        note = None
        if at.astimezone(zone).replace(tzinfo=None) != shown:
            at = _change_before(at, zone)
            note = f"{shown:%H:%M} does not exist on this day: it is due when the clocks have gone forward"
        elif _comes_twice(shown, zone):
            note = f"{shown:%H:%M} comes twice on this day: it is due the first time"
        if at > last:  # several may lie in one gap, and a moment may lie in the second of two equal hours
            yield Planned(at, at, note)
            last = at


def _by_clock(timing: ByFields, moment: datetime) -> Iterator[Planned]:
    """Between two changes of the clocks local time runs like any other. The library walks across a change by whole
    hours, and so misses times in zones that change by half an hour or at midnight: each stretch is asked for by itself.
    """
    start = moment.replace(microsecond=0)
    while start < _END:
        offset, until = _steady(timing.zone, start + _SECOND)
        quiet, at = until - start > 2 * _DAY, start
        for shown in _fitting(timing.fields, (start + offset).replace(tzinfo=None)):
            at = (shown - offset).replace(tzinfo=UTC)
            if at >= until:
                break
            quiet = False
            yield Planned(at, at)
        else:
            return
        # Where nothing fitted for days, nothing of it can fit when clocks go back over the end of it: then what comes next
        # is known within a day, however far the zone is from UTC by then.
        start = max(until - _SECOND, at - 2 * _DAY) if quiet else until - _SECOND


def _fitting(fields: str, shown: datetime) -> Iterator[datetime]:
    """Times without a zone that fit, after one."""
    try:
        yield from Calendar(fields, shown)
    except OverflowError:  # there is no year 10000
        return


def _steady(zone: ZoneInfo, start: datetime) -> tuple[timedelta, datetime]:
    """How far the zone is from UTC at a time, and until when that surely holds: the next change, or a year."""
    offset = _offset(start, zone)
    at = start
    for _ in range(366):
        if _offset(at + _DAY, zone) != offset:
            return offset, _change_before(at + _DAY, zone)
        at += _DAY
    return offset, at


def _change_before(moment: datetime, zone: ZoneInfo) -> datetime:
    """The last change of the clocks within a day and an hour before a moment, to the second."""
    high = moment.replace(microsecond=0)
    low = high - _DAY - timedelta(hours=1)
    offset = _offset(high, zone)
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        low, high = (low, middle) if _offset(middle, zone) == offset else (middle, high)
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def _comes_twice(shown: datetime, zone: ZoneInfo) -> bool:
    first, second = (shown.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1))
    return first > second


def _note(at: datetime, zone: ZoneInfo) -> str | None:
    local = at.astimezone(zone)
    if not _comes_twice(local.replace(tzinfo=None, fold=0), zone):
        return None
    return f"the {'second' if local.fold else 'first'} {local:%H:%M} of this day: the clocks go back"


def _every(text: str, anchor: datetime) -> Every:
    try:
        length = duration.parse(text)
    except Invalid as error:
        raise _wrong(f"every: {error.message}") from None
    if not SHORTEST <= length <= LONGEST:
        raise _wrong(f"every: from {duration.show(SHORTEST)} to {duration.show(LONGEST)}, not {duration.show(length)}")
    return Every(length, anchor.astimezone(UTC))


def _once(text: str, zone: ZoneInfo) -> Once:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            found = at.replace(tzinfo=zone).astimezone(UTC)
            imaginary = found.astimezone(zone).replace(tzinfo=None) != at
            return Once(_change_before(found, zone) if imaginary else found)
        return Once(at.astimezone(UTC))
    except (ValueError, OverflowError):
        raise _wrong(f"at: {text[:40]!r} is no time") from None


def _by_fields(text: str, zone: ZoneInfo) -> ByFields:
    fields = NAMES.get(text.lower(), text).upper()
    parts = fields.split()
    try:
        Calendar(fields, datetime(2026, 1, 1))  # noqa: DTZ001  (clocks are looked at elsewhere)
    except (Unreadable, ValueError) as error:
        raise _wrong(f"{text[:80]!r} cannot be read: {str(error).lower()}") from None
    clocks = parts[:3] if len(parts) == 6 else parts[:2]
    return ByFields(fields, zone, fixed=not any(one.startswith("*") for one in clocks))


def _close_zones(name: str) -> list[str]:
    wanted = name.lower().replace(" ", "_")
    return sorted(one for one in available_timezones() if wanted and one.lower().split("/")[-1] == wanted)[:3]


def _wrong(message: str) -> Invalid:
    return Invalid(f"expression: {message}; {_HOW}", fields={"expression": message})
