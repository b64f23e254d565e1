"""Expressions of schedules in plain words: the usual ones as people say them, the others field by field. No clock here."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from cronsim import CronSim as Calendar
from cronsim import CronSimError as Unreadable

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.schedule import NAMES

_DAYS: Final = ("Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_SHORT: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_UNITS: Final = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def words(expression: str) -> str:
    """What an expression means; the expression itself where it cannot be read.

    >>> words("0 9 * * MON-FRI"), words("every 15m"), words("*/5 * * * *")
    ('Weekdays at 09:00', 'Every 15 minutes', 'Every 5 minutes')
    """
    text = " ".join(expression.split())
    first, _, rest = text.partition(" ")
    if first.lower() == "every":
        return _interval(rest, text)
    if first.lower() == "at":
        return _moment(rest, text)
    fields = NAMES.get(text.lower(), text).upper().split()
    if len(fields) == 6 and fields[0] == "0":
        fields = fields[1:]
    return (_usual(*fields) if len(fields) == 5 else None) or _field_by_field(" ".join(fields), text)


def _usual(minute: str, hour: str, day: str, month: str, weekday: str) -> str | None:
    if month != "*":
        return None
    every = (day, weekday) == ("*", "*")
    if every and hour == "*" and (step := re.fullmatch(r"\*/(\d{1,2})", minute)):
        return f"Every {step[1]} minutes" if 60 % int(step[1]) == 0 and int(step[1]) > 1 else None
    if every and hour == "*" and minute.isdecimal():
        return "Every hour" if minute == "0" else f"Every hour at minute {int(minute)}"
    if not (minute.isdecimal() and hour.isdecimal()):
        return None
    time = f"{int(hour):02}:{int(minute):02}"
    if every:
        return f"Every day at {time}"
    if day == "*":
        return _by_weekday(weekday, time)
    if weekday == "*" and day.isdecimal():
        return f"Every month on day {int(day)} at {time}"
    return None


def _by_weekday(field: str, time: str) -> str | None:
    if field in ("MON-FRI", "1-5"):
        return f"Weekdays at {time}"
    if set(field.split(",")) in ({"SAT", "SUN"}, {"6", "0"}, {"6", "7"}):
        return f"Weekends at {time}"
    numbers = [_SHORT.index(one) if one in _SHORT else int(one) if one.isdecimal() else 99 for one in field.split(",")]
    if any(number > 7 for number in numbers):
        return None
    names = [_DAYS[number] for number in sorted(numbers, key=lambda number: (number + 6) % 7)]
    return f"{', '.join(names[:-1])} and {names[-1]} at {time}" if len(names) > 1 else f"{names[0]} at {time}"


def _field_by_field(fields: str, text: str) -> str:
    try:
        return Calendar(fields, datetime(2026, 1, 1)).explain()  # noqa: DTZ001  (it is not asked when)
    except (Unreadable, ValueError, IndexError):
        return text


def _interval(rest: str, text: str) -> str:
    try:
        length = duration.parse(rest)
    except Invalid:
        return text
    for seconds, unit in _UNITS:
        count, left = divmod(length, timedelta(seconds=seconds))
        if count and not left:
            return f"Every {unit}" if count == 1 else f"Every {count} {unit}s"
    return f"Every {duration.show(length)}"


def _moment(rest: str, text: str) -> str:
    try:
        at = datetime.fromisoformat(rest)
    except ValueError:
        return text
    seconds = ":%S" if at.second else ""
    return f"Once, on {at:%Y-%m-%d} at {at.strftime('%H:%M' + seconds)}"
