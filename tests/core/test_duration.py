"""Lengths of time as people write them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobtrail.core.duration import parse, show
from jobtrail.core.errors import Invalid

LENGTHS = st.timedeltas(timedelta(0), timedelta.max)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("2w", 1_209_600), ("250ms", 0.25), ("1h30m", 5_400),
        ("42m30s", 2_550), ("1d2h3m4s5ms", 93_784.005), ("1.5h", 5_400), ("0s", 0), ("0.5ms", 0.0005), ("90m", 5_400),
        ("PT5M", 300), ("P1D", 86_400), ("P1DT12H", 129_600), ("PT0.25S", 0.25), ("PT1H30M", 5_400), ("P2W", 1_209_600),
        (10, 10), (0.25, 0.25), (0, 0), (timedelta(minutes=5), 300),
    ],
)  # fmt: skip
def test_lengths_are_read(text: Any, seconds: float) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "10", "10 s", " 10s", "10s ", "1h 30m", "30m1h", "1h1h", "1m1m", "-5m", "+5m", "5M", "5min", "s", "1.s", ".5s",
     "1,5h", "1e3s", "٣s", "1_000s", "P", "PT", "P1", "P1Y", "P1M", "PT5", "P1DT", "pt5m", "-PT5M", "P5M", "10ss", "1h30",
     "9" * 16 + "s", "9" * 15 + "w", "x" * 10_000, "5m\n",
     True, False, None, b"10s", [], float("nan"), float("inf"), -1, -0.5, 1e30, timedelta(seconds=-1)],
)  # fmt: skip
def test_all_else_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(Invalid, match="write for example 10s, 5m, 1h30m") as caught:
        parse(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(hours=1, minutes=30), "1h30m"), (timedelta(0), "0s"), (timedelta(milliseconds=250), "250ms"),
        (timedelta(microseconds=1), "0.001ms"), (timedelta(seconds=1.5), "1.5s"), (timedelta(days=365), "365d"),
        (timedelta(minutes=42, seconds=30), "42m30s"), (timedelta(days=1, seconds=1), "1d1s"), (-timedelta(minutes=5), "-5m"),
        (timedelta(seconds=10), "10s"), (timedelta(minutes=1, milliseconds=50), "1m0.05s"),
    ],
)  # fmt: skip
def test_lengths_are_shown_short(delta: timedelta, text: str) -> None:
    assert show(delta) == text


@given(LENGTHS)
@example(timedelta.max)
def test_what_is_shown_reads_back_the_same(delta: timedelta) -> None:
    assert parse(show(delta)) == delta


@given(LENGTHS)
def test_what_the_json_encoder_writes_reads_back_the_same(delta: timedelta) -> None:
    assert parse(msgspec.json.decode(msgspec.json.encode(delta))) == delta


@given(st.text(alphabet="0123456789.wdhmsPTHMSDW- "))
def test_reading_raises_nothing_else(text: str) -> None:
    try:
        assert parse(text) >= timedelta(0)
    except Invalid as error:
        assert "write for example" in error.message
