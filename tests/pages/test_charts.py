"""Charts are numbers before they are drawn: bars stand upon each other, lines break where nothing was measured, windows fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobtrail.core.filter_language import parse
from jobtrail.core.model import QueueMinute
from jobtrail.web.pages import minutes
from jobtrail.web.pages.charts import HIGH, Bucket, Chart, Series, nice
from jobtrail.web.pages.searching import search
from jobtrail.web.pages.spans import WINDOWS, Window, span

NOW = datetime(2026, 5, 4, 12, 34, 56, tzinfo=UTC)
TWO = (Series("one", "c-ok"), Series("two", "c-bad"))


def chart(*values: tuple[float | None, ...], stacked: bool = True) -> Chart:
    buckets = tuple(Bucket(NOW, f"at {n}", each) for n, each in enumerate(values))
    return Chart("k", "Title", TWO, buckets, lambda value: f"{value:g} x", stacked, "then", "now")


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=20))
def test_bars_stand_upon_each_other_and_within_the_chart(values: list[tuple[float, float]]) -> None:
    drawn = chart(*values)
    for bucket in drawn.buckets:
        floor = HIGH
        for bar in drawn.bars(bucket):
            assert bar.y + bar.height == pytest.approx(floor, abs=0.1) and bar.y >= -0.1
            floor = bar.y


@given(st.floats(1e-6, 1e12))
def test_the_upper_edge_is_round_and_not_far_above(highest: float) -> None:
    assert highest * 0.999 <= nice(highest) <= highest * 2.001


def test_a_line_breaks_where_nothing_was_measured() -> None:
    drawn = chart((1, 5), (None, 5), (3, 5), stacked=False)
    one, two = drawn.lines()
    assert (one[0], len(one[1])) == ("c-ok", 2) and len(two[1]) == 1
    assert drawn.top == 5 and two[1][0].startswith("2.0,0.0 8.0,0.0")


def test_a_bucket_and_a_chart_are_told_in_words() -> None:
    drawn = chart((1, None), (2, 2))
    assert drawn.told(drawn.buckets[0]) == "at 0: one 1 x, two —"
    assert drawn.summary == "Title (one, two) from then to now, at most 5 x"
    assert chart((0, None)).summary == "Title: nothing from then to now" and chart((0, 0)).is_empty


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("now", [NOW, NOW.replace(minute=0, second=0), NOW.replace(hour=0, minute=0, second=0)])
def test_a_window_ends_now_and_its_parts_hold_all_of_it(window: Window, now: datetime) -> None:
    found = span(window, now)
    length = timedelta(seconds=found.seconds)
    assert found.parts[0] == found.since and found.parts[-1] < now <= found.parts[-1] + length
    assert 45 <= len(found.parts) <= 75
    assert all(int(part.timestamp()) % found.seconds == 0 for part in found.parts)


def test_parts_in_which_nothing_happened_count_zero_and_waited_unknown() -> None:
    found = span("1h", NOW)
    busy = QueueMinute(found.parts[3], 7, 1.0, 2, 3, 1, 250.0, 1_000.0)
    asked: list[dict[str, object]] = []

    def url(path: str, **query: object) -> str:
        asked.append(query)
        return path

    drawn = minutes.depth([busy], found, url, "a b")
    assert [bucket.values for bucket in drawn.buckets[2:5]] == [(0.0,), (7,), (0.0,)]
    assert asked[3] == {"q": 'queue:"a b"', "t": "2026-05-04T11:38:00Z..2026-05-04T11:39:00Z"}
    waited = minutes.waits([busy], found, url)
    assert [bucket.values for bucket in waited.buckets[2:5]] == [(None, None), (0.25, 1.0), (None, None)]
    assert minutes.throughput([busy], found, url).buckets[3].values == (3, 1)
    assert minutes.moves([busy], found, url, "a").buckets[3].values == (2, 4)


@given(st.text(min_size=1).filter(str.strip))
def test_a_search_for_any_name_finds_that_name(name: str) -> None:
    (term,) = parse(search(("queue", name))).terms
    assert term.key == "queue" and [value.text for value in term.values] == [name]
