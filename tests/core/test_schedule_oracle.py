"""Schedules against an oracle that walks through every minute of a zone's clock: no difference, also where clocks change."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from itertools import takewhile

import pytest
from core.clocks import Walk, ticks, utc, walk

from jobtrail.core import schedule

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
ZONES = (
    "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Beirut", "America/St_Johns", "Africa/Casablanca",
    "UTC", "Europe/London", "Europe/Lisbon", "Atlantic/Azores", "Europe/Moscow", "Europe/Kyiv", "America/New_York",
    "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles", "America/Anchorage",
    "America/Sao_Paulo", "America/Santiago", "America/Asuncion", "America/Nuuk", "America/Scoresbysund",
    "America/Mexico_City", "Africa/Cairo", "Africa/El_Aaiun", "Asia/Gaza", "Asia/Jerusalem", "Asia/Tehran",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Asia/Amman", "Australia/Sydney", "Australia/Adelaide",
    "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Kiritimati", "Antarctica/Troll",
)  # fmt: skip
"""Changes of half an hour, of two hours, at midnight, back over midnight, in Ramadan; none; and offsets of 45 minutes."""
EXPRESSIONS = (
    "30 2 * * *", "5,35 2 * * *", "0 3 * * *", "0 0 * * *", "30 0 * * *", "15 1 * * *", "45 23 * * *", "59 23 * * *",
    "0 0 1 1 *", "0 0 1 * *", "0 0 * * 0", "0 9 * * MON-FRI", "30 1,2,3 * * SUN", "0-59 2 * * *", "*/15 1-3 * * *",
    "*/10 2 * * *", "*/20 0 * * *", "7 * * * *", "0 * * * *", "*/30 * * * *", "0 */2 * * *", "15 */6 * * SUN",
    "0 0-23/3 * * *", "10 1 25-31 3,10 *", "*/15 0-3 * 3-4,9-11 SAT,SUN", "30 2 * MAR,OCT 7", "0 12 L * *",
    "0 12 LW * *", "0 8 * * 5L", "0 8 * * MON#2", "30 2 1,15 * SUN", "30 2 1-7 * 0", "30 2 */5 * 6", "0 0 29 2 *",
    "*/12 3 13 * FRI", "30 2 8-14 * *", "0 4 31 * *", "45 0,1,2 * * *", "*/45 2 * * *", "1-59/2 1 * 10,11 *",
    "0 30 2 * * *", "30 15 1 * * *", "15,45 */30 1-2 * * SUN", "*/30 30 2 * * SAT,SUN", "*/15 * 2 * 3,10 SUN",
    "20 0 0 * * *",
)  # fmt: skip
YEARS = 5 if DEEP else 1
SPAN = ZONES if DEEP else ZONES[:6]
FIRST = utc(2026)


@pytest.fixture(scope="module", params=SPAN)
def seen(request: pytest.FixtureRequest) -> tuple[str, Walk]:
    return request.param, walk(request.param, FIRST, utc(2026 + YEARS))


def planned(expression: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    timing = schedule.parse(expression, zone, start)
    return list(takewhile(lambda at: at < end, schedule.after(timing, start)))


def test_every_tick_of_every_expression_is_when_the_clock_on_the_wall_says(seen: tuple[str, Walk]) -> None:
    zone, minutes = seen
    end = utc(2026 + YEARS)
    total = 0
    for expression in EXPRESSIONS if DEEP else EXPRESSIONS[:: 1 if zone == "Australia/Lord_Howe" else 3]:
        wanted = ticks(expression, minutes)
        found = planned(expression, zone, FIRST, end)
        lacking, extra = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
        assert (lacking[:3], extra[:3]) == ([], []), f"{expression} in {zone}"
        assert found == wanted, f"{expression} in {zone} is out of order"
        total += len(found)
    assert total > 5_000, f"{zone}: only {total} ticks were compared"


def test_it_does_not_matter_from_when_the_next_tick_is_asked(seen: tuple[str, Walk]) -> None:
    """Whoever starts in the middle, at any moment of the hours around a change, goes on where the others are."""
    zone, _ = seen
    step = timedelta(minutes=7, seconds=13)
    for expression in EXPRESSIONS[:: 5 if DEEP else 9]:
        timing = schedule.parse(expression, zone, FIRST)
        for begin in (utc(2026, 3, 29), utc(2026, 10, 25), utc(2026, 4, 4), utc(2026, 10, 31), utc(2026, 3, 7)):
            all_ticks = planned(expression, zone, begin - timedelta(days=40), begin + timedelta(days=40))
            at = begin - timedelta(hours=12)
            while at < begin + timedelta(hours=24):
                following = next((one for one in all_ticks if one > at), None)
                if following is not None:
                    assert schedule.next_after(timing, at) == following, f"{expression} in {zone} after {at}"
                at += step
