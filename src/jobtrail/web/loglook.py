"""Looks through a job's log a piece at a time: no statement takes long, and who asked hears how far the look has come."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from jobtrail.core.errors import TooSlow
from jobtrail.core.loglines import Extent, LogLine, holds, line_of
from jobtrail.service import logs
from jobtrail.service.logs import Wanted
from jobtrail.web.runtime import Call

LOOK_SECONDS: Final = 1.5
"""How long one request may look for lines that fit."""

_FIRST_PIECE: Final = 50_000
_LEAST_PIECE: Final = 500
_PIECE_SECONDS: Final = 0.25


@dataclass(frozen=True, slots=True)
class Look:
    """Lines that fit, in order, and the numbers between which they were looked for: from `first` to before `end`."""

    lines: list[LogLine]
    first: int
    end: int


class _Pace:
    """How many lines are looked at next: as many as took about a quarter of a second."""

    def __init__(self, wanted: Wanted, limit: int) -> None:
        self._over = time.monotonic() + LOOK_SECONDS
        self._begun = 0.0
        self.lines = limit if wanted.is_all else _FIRST_PIECE

    @property
    def over(self) -> bool:
        """Whether the look has taken long enough."""
        return time.monotonic() > self._over

    def begin(self) -> None:
        """A piece is looked at."""
        self._begun = time.monotonic()

    def end(self) -> None:
        """It was."""
        took = max(time.monotonic() - self._begun, 0.001)
        self.lines = max(int(self.lines * min(max(_PIECE_SECONDS / took, 0.25), 8)), _LEAST_PIECE)

    def halve(self) -> None:
        """It took too long. Raises TooSlow where it could not have been less."""
        if self.lines <= _LEAST_PIECE:
            raise TooSlow("the lines of this log take too long to look through; ask for a step, or for a level")
        self.lines = max(self.lines // 8, _LEAST_PIECE)


async def extent(call: Call, job_id: UUID) -> Extent:
    """Which lines there are."""
    return await call.read(logs.extent(call.workspace, job_id)) or Extent(1, 1)


async def forward(call: Call, job_id: UUID, wanted: Wanted, *, first: int, limit: int, there: Extent) -> Look:
    """The first `limit` lines that fit, from a number on; fewer, even none, where the look ended before."""
    first = begun = max(first, there.first_line)
    found: list[LogLine] = []
    pace = _Pace(wanted, limit)
    while first < there.next_line and len(found) < limit and not pace.over:
        end = min(first + pace.lines, there.next_line)
        pace.begin()
        try:
            more = limit - len(found)
            rows = await call.read(logs.lines(call.workspace, job_id, wanted, first=first, end=end, limit=more))
        except TooSlow:
            pace.halve()
            continue
        pace.end()
        found += _fitting([line_of(row) for row in rows], wanted)
        first = rows[-1].number + 1 if len(rows) == more else end
    return Look(found, begun, max(first, begun))


async def backward(call: Call, job_id: UUID, wanted: Wanted, *, end: int, limit: int, there: Extent) -> Look:
    """The last `limit` lines that fit, before a number; fewer, even none, where the look ended before."""
    end = begun = min(end, there.next_line)
    found: list[LogLine] = []
    pace = _Pace(wanted, limit)
    while end > there.first_line and len(found) < limit and not pace.over:
        first = max(end - pace.lines, there.first_line)
        pace.begin()
        try:
            more = limit - len(found)
            rows = await call.read(logs.lines_back(call.workspace, job_id, wanted, first=first, end=end, limit=more))
        except TooSlow:
            pace.halve()
            continue
        pace.end()
        found += _fitting([line_of(row) for row in rows], wanted)
        end = rows[-1].number if len(rows) == more else first
    return Look(found[::-1], min(end, begun), begun)


def _fitting(lines: list[LogLine], wanted: Wanted) -> list[LogLine]:
    """Those that show the text; the database has looked at all else."""
    return lines if wanted.text is None else [line for line in lines if holds(line, wanted.text)]
