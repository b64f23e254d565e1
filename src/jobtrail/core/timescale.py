"""Where on a line of 1 000 units a time lies, when stretches in which nothing happens are drawn short. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Final

WIDTH: Final = 1_000.0
_IDLE_WIDTH: Final = 40.0
_MOST_IDLE: Final = 300.0
_LEAST_IDLE: Final = timedelta(seconds=2)
_BUSY_SHARE: Final = 8
_TICK_ROOM: Final = 90.0
_TICKS: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600,
    7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000, 2_592_000,
)  # fmt: skip
"""How far apart ticks may be, in seconds."""

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time and where it is drawn. `is_idle`: nothing happens in it, and it is drawn short."""

    start: datetime
    end: datetime
    left: float
    right: float
    is_idle: bool = False

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


_START: Final = attrgetter("start")


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the scale, and how many seconds after the start it stands."""

    at: datetime
    x: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Pieces from the start to the end, without a gap and in order."""

    pieces: tuple[Piece, ...]

    @property
    def start(self) -> datetime:
        """What lies at 0."""
        return self.pieces[0].start

    @property
    def end(self) -> datetime:
        """What lies at 1 000."""
        return self.pieces[-1].end

    @property
    def idle(self) -> tuple[Piece, ...]:
        """The pieces that are drawn short."""
        return tuple(piece for piece in self.pieces if piece.is_idle)

    def x(self, at: datetime) -> float:
        """Where a time lies, from 0 to 1 000; what is outside lies at the edge."""
        at = min(max(at, self.pieces[0].start), self.pieces[-1].end)
        pieces = self.pieces
        piece = pieces[0] if len(pieces) == 1 else pieces[bisect_right(pieces, at, key=_START) - 1]
        length = piece.end - piece.start
        share = (at - piece.start) / length if length else 0.0
        return min(piece.left + share * (piece.right - piece.left), WIDTH)

    def ticks(self) -> tuple[Tick, ...]:
        """Round times after the start, far enough from each other to be read."""
        busy = [piece for piece in self.pieces if not piece.is_idle and piece.seconds > 0]
        if not busy:
            return (Tick(self.start, 0.0, 0.0),)
        widest = max(busy, key=lambda piece: piece.right - piece.left)
        per_second = (widest.right - widest.left) / widest.seconds
        apart = next((step for step in _TICKS if step * per_second >= _TICK_ROOM), _TICKS[-1])
        found = [Tick(self.start, 0.0, 0.0)]
        for piece in busy:
            number = int((piece.start - self.start).total_seconds() // apart)
            while (at := self.start + timedelta(seconds=apart * number)) <= piece.end:
                x = self.x(at)
                if at >= piece.start and x - found[-1].x >= _TICK_ROOM * 0.6 and x <= WIDTH - _TICK_ROOM / 3:
                    found.append(Tick(at, x, apart * number))
                number += 1
        return tuple(found)


def scale_of(start: datetime, end: datetime, busy: Iterable[Stretch], *, is_true: bool = False) -> Scale:
    """The scale from `start` to `end`. Long stretches between the `busy` ones are drawn short, unless `is_true`."""
    end = max(end, start + timedelta(milliseconds=1))
    merged = [(max(first, start), min(last, end)) for first, last in merge(busy) if first < end and last > start]
    idle = [] if is_true or not merged else _idle(start, end, merged)
    width = min(_IDLE_WIDTH, _MOST_IDLE / len(idle)) if idle else 0.0
    cuts = sorted({start, end, *(at for stretch in idle for at in stretch)})
    begins = {first for first, _ in idle}
    shown = (end - start - sum((last - first for first, last in idle), timedelta())) / timedelta(seconds=1)
    per_second = (WIDTH - width * len(idle)) / shown
    pieces: list[Piece] = []
    left = 0.0
    for first, last in pairwise(cuts):
        is_idle = first in begins
        right = left + (width if is_idle else (last - first).total_seconds() * per_second)
        pieces.append(Piece(first, last, left, right, is_idle))
        left = right
    return Scale(tuple(pieces))


def merge(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Stretches in order, with those that overlap or touch as one."""
    merged: list[Stretch] = []
    for first, last in sorted(stretches):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _idle(start: datetime, end: datetime, busy: Sequence[Stretch]) -> list[Stretch]:
    """The long gaps between busy stretches: long against all that is busy."""
    total = sum((last - first for first, last in busy), timedelta())
    if not total:
        return []
    least = max(_LEAST_IDLE, total / _BUSY_SHARE)
    edges = [start, *(at for stretch in busy for at in stretch), end]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return [(first, last) for first, last in gaps if last - first > least]
