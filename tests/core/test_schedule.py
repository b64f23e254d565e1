"""When schedules are due: what can be written, what catching up means, and jitter that everybody works out alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID, uuid4

import pytest
from core.clocks import utc
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core import catch_up, schedule
from jobtrail.core.catch_up import Due, Missed
from jobtrail.core.errors import Invalid
from jobtrail.core.schedule import CatchUp
from jobtrail.core.schedule_words import words
from jobtrail.core.template_tick import filled

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def first(expression: str, zone: str = "UTC", moment: datetime = NOON, count: int = 3) -> list[str]:
    timing = schedule.parse(expression, zone, moment)
    return [f"{at:%m-%d %H:%M:%S}" for at in islice(schedule.after(timing, moment), count)]


def test_names_stand_for_expressions() -> None:
    assert first("@hourly", count=2) == ["06-01 13:00:00", "06-01 14:00:00"]
    assert first("@daily", "Europe/Berlin", count=2) == ["06-01 22:00:00", "06-02 22:00:00"]
    assert first("@weekly", count=1) == ["06-07 00:00:00"]
    assert first("@monthly", count=1) == ["07-01 00:00:00"]
    assert first("@YEARLY", count=1) == ["01-01 00:00:00"]


def test_a_sixth_field_is_seconds_and_stands_first() -> None:
    assert first("*/20 0 12 * * *", count=4) == ["06-01 12:00:20", "06-01 12:00:40", "06-02 12:00:00", "06-02 12:00:20"]


def test_an_interval_counts_from_its_anchor_and_does_not_drift() -> None:
    timing = schedule.parse("every 15m", "UTC", NOON.replace(minute=7))
    assert schedule.next_after(timing, NOON) == NOON.replace(minute=7)
    late = NOON + timedelta(days=300, minutes=3, seconds=9)
    found = schedule.next_after(timing, late)
    assert found is not None and found.minute % 15 == 7 and found - late < timedelta(minutes=15)


def test_a_single_time_is_due_once_and_in_its_zone() -> None:
    assert first("at 2026-06-02T09:00", "Europe/Berlin") == ["06-02 07:00:00"]
    assert first("at 2026-06-02 09:00+02:00", "America/New_York") == ["06-02 07:00:00"]
    assert first("at 2026-05-02T09:00") == []
    assert first("at 2027-03-28T02:30", "Europe/Berlin") == ["03-28 01:00:00"], "in the gap: at its end"


@pytest.mark.parametrize(
    ("expression", "zone", "says"),
    [
        ("61 * * * *", "UTC", "bad minute"),
        ("* * * *", "UTC", "wrong number of fields"),
        ("0 0 31 2 *", "UTC", "bad day-of-month"),
        ("0 0 15W * *", "UTC", "bad day-of-month"),
        ("@reboot", "UTC", "wrong number of fields"),
        ("", "UTC", "1 to 255"),
        ("9" * 300, "UTC", "1 to 255"),
        ("9" * 200 + " * * * *", "UTC", "bad minute"),
        ("every", "UTC", "length of time"),
        ("every 0s", "UTC", "from 1s"),
        ("every 100000d", "UTC", "from 1s to"),
        ("at noon", "UTC", "is no time"),
        ("0 9 * * *", "Europe/Berln", "no time zone"),
        ("0 9 * * *", "berlin", "did you mean Europe/Berlin"),
        ("0 9 * * *", "right/UTC", "no time zone"),
        ("0 9 * * *", "../../etc/passwd", "no time zone"),
        ("0 9 * * *", "Europe", "no time zone"),
        ("0 9 * * *", "", "no time zone"),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong_and_what_to_write(expression: str, zone: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        schedule.parse(expression, zone, NOON)
    assert set(refused.value.fields) <= {"expression", "zone"} and refused.value.fields


def test_a_preview_tells_what_is_special_where_clocks_change() -> None:
    spring = schedule.preview(schedule.parse("30 2 * * *", "Europe/Berlin", NOON), "Europe/Berlin", utc(2027, 3, 27), 3)
    assert [f"{one.local:%d %H:%M %z}" for one in spring] == ["27 02:30 +0100", "28 03:00 +0200", "29 02:30 +0200"]
    assert [one.note is not None for one in spring] == [False, True, False]
    assert "02:30 does not exist" in str(spring[1].note)
    autumn = schedule.preview(
        schedule.parse("30 2 * * *", "Europe/Berlin", NOON), "Europe/Berlin", utc(2026, 10, 25), 1
    )
    assert "comes twice" in str(autumn[0].note) and autumn[0].local.utcoffset() == timedelta(hours=2)
    twice = schedule.preview(
        schedule.parse("*/30 2 * * *", "Europe/Berlin", NOON),
        "Europe/Berlin",
        utc(2026, 10, 24) + timedelta(hours=12),
        4,
    )
    assert [str(one.note)[:9] for one in twice] == ["the first", "the first", "the secon", "the secon"]


MINUTELY = schedule.parse("every 1m", "UTC", NOON)


def minutes(*numbers: int) -> tuple[datetime, ...]:
    return tuple(NOON + timedelta(minutes=number) for number in numbers)


def test_what_is_a_minute_late_is_on_time() -> None:
    now = NOON + timedelta(seconds=59)
    assert catch_up.due(MINUTELY, NOON, NOON, now, CatchUp.SKIP) == Due((), minutes(0), None, *minutes(1, 1))


@pytest.mark.parametrize(
    ("policy", "late", "missed"),
    [
        (CatchUp.SKIP, (), Missed(minutes(0)[0], minutes(9)[0], 10)),
        (CatchUp.LAST, (), Missed(minutes(0)[0], minutes(9)[0], 10)),
        (CatchUp.ALL, minutes(7, 8, 9), Missed(minutes(0)[0], minutes(6)[0], 7)),
    ],
)
def test_what_was_missed_is_caught_up_as_the_policy_says(
    policy: CatchUp, late: tuple[datetime, ...], missed: Missed
) -> None:
    now = NOON + timedelta(minutes=10, seconds=30)
    assert catch_up.due(MINUTELY, NOON, NOON, now, policy, 3) == Due(late, minutes(10), missed, *minutes(11, 11))


def test_the_newest_missed_tick_stands_for_all_where_none_is_on_time() -> None:
    daily = schedule.parse("@daily", "UTC", NOON)
    start = utc(2026, 6, 2)
    found = catch_up.due(daily, start, start, utc(2026, 6, 4) + timedelta(hours=9), CatchUp.LAST)
    assert found == Due((utc(2026, 6, 4),), (), Missed(start, utc(2026, 6, 3), 2), utc(2026, 6, 5), utc(2026, 6, 5))


def test_years_of_missed_seconds_are_told_without_counting_them() -> None:
    secondly = schedule.parse("* * * * * *", "UTC", NOON)
    now = NOON + timedelta(days=3650)
    found = catch_up.due(secondly, NOON, NOON, now, CatchUp.ALL, 5)
    edge = now - catch_up.MISSED_AFTER
    assert found.late == tuple(edge - timedelta(seconds=number) for number in (4, 3, 2, 1, 0))
    assert len(found.on_time) == 60 and found.missed is not None
    assert found.missed.ticks is None and found.missed.first_at == NOON
    assert found.missed.last_at < found.late[0] and found.next_at == now + timedelta(seconds=1)


def test_nothing_is_due_after_the_end_however_long_nobody_looked() -> None:
    daily, start, end = schedule.parse("@daily", "UTC", NOON), utc(2026, 6, 2), utc(2026, 6, 4)
    for policy, late, missed in (
        (CatchUp.SKIP, (), Missed(start, end, 3)),
        (CatchUp.LAST, (end,), Missed(start, utc(2026, 6, 3), 2)),
        (CatchUp.ALL, (start, utc(2026, 6, 3), end), None),
    ):
        found = catch_up.due(daily, start, start, utc(2026, 9, 1), policy, 5, ends_at=end)
        assert found == Due(late, (), missed, None, None)


@pytest.mark.parametrize("ticks", [9_998, 9_999, 10_000, 10_001, 10_002, 10_005])
@pytest.mark.parametrize("policy", list(CatchUp))
def test_where_counting_ends_nothing_is_lost_or_taken_twice(ticks: int, policy: CatchUp) -> None:
    secondly = schedule.parse("every 1s", "UTC", NOON)
    end = NOON + timedelta(seconds=ticks - 1)
    found = catch_up.due(secondly, NOON, NOON, NOON + timedelta(days=9), policy, 3, ends_at=end)
    keep = {CatchUp.SKIP: 0, CatchUp.LAST: 1, CatchUp.ALL: 3}[policy]
    assert found.late == tuple(end - timedelta(seconds=n) for n in range(keep - 1, -1, -1))
    assert found.missed is not None and found.missed.first_at == NOON
    assert found.missed.last_at == end - timedelta(seconds=keep)
    assert found.missed.ticks == (ticks - keep if ticks < 10_000 else None)


def test_months_of_silence_after_months_of_noise_take_no_hours() -> None:
    noisy = schedule.parse("* * * * 6 *", "UTC", NOON)
    found = catch_up.due(noisy, NOON, NOON, utc(2027, 3, 1), CatchUp.ALL, 5)
    assert found.missed is not None and found.missed.ticks is None and found.next_at == utc(2027, 6, 1)
    assert (found.late, found.on_time) == ((), ()), "it is told that they were missed, and none is caught up"
    assert found.missed.last_at == utc(2027, 3, 1) - catch_up.MISSED_AFTER


def test_a_tick_that_is_put_off_makes_none_after_it_late() -> None:
    off = {NOON: timedelta(minutes=9)}
    now = NOON + timedelta(minutes=9, seconds=10)
    found = catch_up.due(MINUTELY, NOON, NOON + off[NOON], now, CatchUp.SKIP, 1, lambda at: off.get(at, timedelta(0)))
    assert found.on_time == minutes(*range(10)) and found.missed is None


@given(st.uuids(), st.integers(0, 10_000_000), st.floats(0, 86_400))
def test_jitter_is_the_same_for_everybody_and_below_its_most(id: UUID, minute: int, most: float) -> None:
    at = NOON + timedelta(minutes=minute)
    put_off = schedule.jitter(id, at, most)
    assert put_off == schedule.jitter(UUID(str(id)), at.astimezone(schedule.zone_of("Asia/Tokyo")), most)
    assert timedelta(0) <= put_off <= timedelta(seconds=most)


def test_jitter_is_spread_over_ticks_and_schedules() -> None:
    of_ticks = {schedule.jitter(UUID(int=1), at, 600) for at in minutes(*range(100))}
    of_schedules = {schedule.jitter(uuid4(), NOON, 600) for _ in range(100)}
    for found in (of_ticks, of_schedules):
        assert len(found) > 95 and max(found) - min(found) > timedelta(seconds=400)


@given(
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana"]),
    st.sampled_from(["*/7 2-4 * * *", "30 2 * * SUN", "0 0 29 2 *", "15 */5 * * * *", "every 90m", "0 0 * 2 MON#5"]),
    st.integers(0, 70 * 366 * 86_400).map(lambda second: utc(1990) + timedelta(seconds=second)),
)
def test_ticks_only_go_forward(zone: str, expression: str, moment: datetime) -> None:
    timing = schedule.parse(expression, zone, NOON)
    found = list(islice(schedule.after(timing, moment), 20))
    assert found == sorted(set(found)) and found[0] > moment
    assert list(islice(schedule.after(timing, found[3]), 3)) == found[4:7]


def test_the_end_of_time_ends_a_schedule() -> None:
    for expression in ("@daily", "every 15m", "* * * * *"):
        assert list(schedule.after(schedule.parse(expression, "UTC", NOON), datetime(9999, 12, 31, tzinfo=UTC))) == []
        timing = schedule.parse(expression, "Europe/Berlin", NOON)
        assert len(list(islice(schedule.after(timing, datetime(2899, 12, 31, 23, 59, tzinfo=UTC)), 9))) <= 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 9 * * MON-FRI", "Weekdays at 09:00"), ("30 2 * * *", "Every day at 02:30"), ("@daily", "Every day at 00:00"),
        ("0 9 * * 1", "Mondays at 09:00"), ("0 9 * * SUN,MON", "Mondays and Sundays at 09:00"), ("@hourly", "Every hour"),
        ("17 * * * *", "Every hour at minute 17"), ("*/15 * * * *", "Every 15 minutes"), ("@monthly", "Every month on day 1 at 00:00"),
        ("every 15m", "Every 15 minutes"), ("every 1h", "Every hour"), ("every 90m", "Every 90 minutes"), ("every 1d12h", "Every 36 hours"),
        ("at 2027-01-31T18:00", "Once, on 2027-01-31 at 18:00"), ("0 9 * * 6,0", "Weekends at 09:00"), ("0 30 9 * * *", "Every day at 09:30"),
        ("0 12 L * *", "At 12:00 on the last day of every month"), ("nothing", "nothing"),
    ],
)  # fmt: skip
def test_expressions_are_said_in_plain_words(expression: str, said: str) -> None:
    assert words(expression) == said


_NUMBER = st.sampled_from(["*", "*/5", "0", "7", "1-5", "1,2,3", "2-6/2", "5,1-2"])


@given(_NUMBER, _NUMBER, st.sampled_from(["*", "1", "L", "LW", "1-7", "*/2"]), st.sampled_from(["*", "3", "MAR-MAY"]),
       st.sampled_from(["*", "MON", "5L", "MON#2", "1-5", "SUN,WED", "7"]))  # fmt: skip
def test_whatever_can_be_read_can_be_said(minute: str, hour: str, day: str, month: str, weekday: str) -> None:
    said = words(f"{minute} {hour} {day} {month} {weekday}")
    assert said and len(said) < 400


def test_a_tick_is_put_into_texts_and_nothing_else() -> None:
    tick = datetime(2026, 6, 1, 9, tzinfo=schedule.zone_of("Europe/Berlin"))
    wanted = {"{tick}": ["{tick}", {"d": "on {tick.date} by {schedule}"}, 1, None, "{tick.utc}", "{input.x}"]}
    assert filled(wanted, tick, "nightly") == {
        "{tick}": ["2026-06-01T09:00:00+02:00", {"d": "on 2026-06-01 by nightly"}, 1, None, "2026-06-01T07:00:00Z", "{input.x}"]
    }  # fmt: skip
