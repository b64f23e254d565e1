"""Charts as figures of numbers: how high each bar stands and where each line runs, for a template to draw. No I/O, no clock.

A chart is as wide as it has buckets, ten units each, and 100 units high; the page stretches it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

HIGH: Final = 100.0
WIDE: Final = 10
_GAP: Final = 1.0
_NICE: Final = (1, 2, 3, 5, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """One of the things that are counted; `look` names its colour and texture in css/charts.css."""

    name: str
    look: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """One part of the time, from `at` on, with a value of each series (None: not measured), and where it leads."""

    at: datetime
    label: str
    values: tuple[float | None, ...]
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle; `look` is that of its series."""

    look: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Values over time. `stacked`: bars upon each other; else a line each. `shown` says a value in words, with its unit."""

    key: str
    title: str
    series: tuple[Series, ...]
    buckets: tuple[Bucket, ...]
    shown: Callable[[float], str]
    stacked: bool = True
    first: str = ""
    last: str = ""

    @property
    def top(self) -> float:
        """The value at the upper edge."""
        if self.stacked:
            highest = max((sum(value or 0 for value in one.values) for one in self.buckets), default=0)
        else:
            highest = max((value for one in self.buckets for value in one.values if value is not None), default=0)
        return nice(highest)

    @property
    def width(self) -> int:
        """How wide it is, in its own units."""
        return max(len(self.buckets), 1) * WIDE

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see: no value above zero."""
        return not any(value for one in self.buckets for value in one.values)

    def bars(self, bucket: Bucket) -> list[Bar]:
        """The bars of a bucket, the first series at the bottom."""
        found, y, top = [], HIGH, self.top
        for series, value in zip(self.series, bucket.values, strict=True):
            height = round((value or 0) / top * HIGH, 2)
            if height > 0:
                y -= height
                found.append(Bar(series.look, round(y, 2), height))
        return found

    def lines(self) -> list[tuple[str, list[str]]]:
        """Of each series its look, and its lines as points: one for each stretch without a gap."""
        found = []
        for number, series in enumerate(self.series):
            stretches: list[list[str]] = [[]]
            for place, bucket in enumerate(self.buckets):
                value = bucket.values[number]
                if value is None:
                    stretches.append([])
                    continue
                middle = place * WIDE + WIDE / 2
                y = round(HIGH - value / self.top * HIGH, 2)
                stretches[-1].append(f"{middle - 3},{y} {middle + 3},{y}")
            found.append((series.look, [" ".join(one) for one in stretches if one]))
        return found

    def told(self, bucket: Bucket) -> str:
        """A bucket in words."""
        said = [
            f"{series.name} {self.shown(value) if value is not None else '—'}"
            for series, value in zip(self.series, bucket.values, strict=True)
        ]
        return f"{bucket.label}: {', '.join(said)}"

    @property
    def summary(self) -> str:
        """The whole chart in a sentence."""
        if self.is_empty:
            return f"{self.title}: nothing from {self.first} to {self.last}"
        names = ", ".join(series.name for series in self.series)
        return f"{self.title} ({names}) from {self.first} to {self.last}, at most {self.shown(self.top)}"


def nice(highest: float) -> float:
    """A round number that is not below `highest`, and above zero.

    >>> nice(0), nice(7), nice(2200), nice(0.013)
    (1, 10, 3000, 0.02)
    """
    if highest <= 0:
        return 1
    scale = 1.0
    while scale * 10 <= highest:
        scale *= 10
    while scale > highest:
        scale /= 10
    top = next(each * scale for each in _NICE if each * scale >= highest * 0.999999)
    return int(top) if top >= 1 else float(f"{top:.6g}")
