"""An oracle for schedules: it reads an expression by itself and walks through every minute (or second) of a zone's clock.

It shares nothing with the program: no library of expressions, no arithmetic of days, only `zoneinfo`.
"""

from __future__ import annotations

import calendar
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Read:
    """An expression: which seconds of a day fit, which days fit, and whether it speaks of certain times of day."""

    seconds_of_day: frozenset[int]
    fits_day: Callable[[date], bool]
    fixed: bool


@dataclass(frozen=True)
class Walk:
    """Every minute of a zone between two times: its day and its minute of the day on the wall, counted from `start`."""

    start: datetime
    zone: ZoneInfo
    days: array[int]
    minutes: array[int]


def read(expression: str) -> Read:
    parts = expression.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    second, minute, hour, day, month, weekday = parts
    seconds, minutes, hours = numbers(second, 0, 59), numbers(minute, 0, 59), numbers(hour, 0, 23)
    times = frozenset(h * 3600 + m * 60 + s for h in hours for m in minutes for s in seconds)
    months = numbers(month, 1, 12, MONTHS)
    both = day[0] == "*" or weekday[0] == "*"

    def fits_day(on: date) -> bool:
        if on.month not in months:
            return False
        halves = (by_number(day, on), by_weekday(weekday, on))
        return all(halves) if both else any(halves)

    clocks = (minute, hour) if len(expression.split()) == 5 else (second, minute, hour)
    return Read(times, fits_day, not any(one[0] == "*" for one in clocks))


def numbers(field: str, low: int, high: int, names: tuple[str, ...] = ()) -> set[int]:
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = names.index(first) + low if first in names else int(first)
            end = begin if not last else names.index(last) + low if last in names else int(last)
            if step and not last:
                end = high
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def by_number(field: str, on: date) -> bool:
    end = calendar.monthrange(on.year, on.month)[1]
    for term in field.split(","):
        if term == "L":
            if on.day == end:
                return True
        elif term == "LW":
            last = next(d for d in range(end, 0, -1) if date(on.year, on.month, d).isoweekday() <= 5)
            if on.day == last:
                return True
        elif on.day in numbers(term, 1, 31):
            return True
    return False


def by_weekday(field: str, on: date) -> bool:
    today = on.isoweekday() % 7
    for term in field.split(","):
        if "#" in term:
            name, _, number = term.partition("#")
            if today in {n % 7 for n in numbers(name, 0, 7, DAYS)} and (on.day - 1) // 7 + 1 == int(number):
                return True
        elif term.endswith("L"):
            if today == int(term[:-1]) % 7 and (on + timedelta(days=7)).month != on.month:
                return True
        elif today in {n % 7 for n in numbers(term, 0, 7, DAYS)}:
            return True
    return False


def walk(zone: str, start: datetime, end: datetime) -> Walk:
    """Looks at the clock on the wall, once a minute."""
    home = ZoneInfo(zone)
    days, minutes = array("l"), array("h")
    at = start
    minute = timedelta(minutes=1)
    while at < end:
        shown = at.astimezone(home)
        assert shown.second == 0, f"{zone} is no whole minutes from UTC: {shown}"
        days.append(shown.toordinal())
        minutes.append(shown.hour * 60 + shown.minute)
        at += minute
    return Walk(start, home, days, minutes)


def ticks(expression: str, seen: Walk) -> list[datetime]:
    """All ticks of a walk, after its start."""
    wanted = read(expression)
    return sorted(_fixed(wanted, seen) if wanted.fixed else _wild(wanted, seen))


def _wild(wanted: Read, seen: Walk) -> Iterator[datetime]:
    """Whenever the clock on the wall fits."""
    fitting = {day: wanted.fits_day(date.fromordinal(day)) for day in set(seen.days)}
    by_minute: dict[int, list[int]] = {}
    for second in wanted.seconds_of_day:
        by_minute.setdefault(second // 60, []).append(second % 60)
    for number, (day, minute) in enumerate(zip(seen.days, seen.minutes, strict=True)):
        if minute in by_minute and fitting[day]:
            for second in by_minute[minute]:
                if number or second:
                    yield seen.start + timedelta(seconds=60 * number + second)


def _fixed(wanted: Read, seen: Walk) -> set[datetime]:
    """Each time of each day once: when the wall first shows it, or, if it never does, at the first minute thereafter.

    `reached` is the latest time that the wall has shown: what it shows again is not new, and what it jumps over is due
    together, when it has jumped.
    """
    found: set[datetime] = set()
    fitting: dict[int, bool] = {}
    times = sorted(wanted.seconds_of_day)
    minutes = {second // 60 for second in times}
    reached = seen.days[0] * 1440 + seen.minutes[0] - 1
    start = seen.start
    for number, (day, minute) in enumerate(zip(seen.days, seen.minutes, strict=True)):
        now = day * 1440 + minute
        if now <= reached:
            continue
        if now == reached + 1 and minute not in minutes:
            reached = now
            continue
        for shown in range(reached + 1, now + 1):
            on, of_day = divmod(shown, 1440)
            if on not in fitting:
                fitting[on] = wanted.fits_day(date.fromordinal(on))
            if not fitting[on] or of_day not in minutes:
                continue
            for second in times:
                if second // 60 == of_day:
                    late = shown < now
                    found.add(start + timedelta(seconds=60 * number + (0 if late else second % 60)))
        reached = now
    found.discard(start)
    return found


def utc(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
