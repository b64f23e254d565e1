"""What a timeline is drawn with: bars and rows, and how many rows become few that can be read. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.spent import Spent
from jobtrail.core.status import AttemptStatus, Phase, StepStatus

MOST_ROWS: Final = 300
"""With more, steps of one name share a row."""
MOST_MEMBERS: Final = 2_000
"""How many rows an opened band shows."""
_MOST_BARS: Final = 400
_NUMBERED: Final = re.compile(r"[\s_.:#-]*\d+$")
_TRIED: Final = frozenset({StepStatus.FAILED, AttemptStatus.TIMED_OUT, AttemptStatus.LOST})


class Texture(StrEnum):
    """What a bar means, so that it can be told without colour."""

    QUEUE = "queue"
    PAUSE = "pause"
    PEOPLE = "people"
    RUN = "run"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    CUT = "cut"
    PARKED = "parked"
    SKIPPED = "skipped"


class Sort(StrEnum):
    """What a row shows."""

    WAITS = "waits"
    ATTEMPT = "attempt"
    PHASE = "phase"
    STEP = "step"
    GATE = "gate"
    BAND = "band"


class Bar(NamedTuple):
    """A stretch of a row from `x` on, `width` wide, of 1 000. `end` None: it grows. `says`: the error, or who decided.

    A named tuple, like the rows: there are thousands, and it is made in a third of the time.
    """

    texture: Texture
    status: str
    start: datetime
    end: datetime | None
    x: float
    width: float
    seconds: float
    name: str = ""
    number: int = 0
    says: str | None = None


class Row(NamedTuple):
    """One line of the picture. `remembered`: the attempts that had its output and did not run it again.

    `counts` of a band: how many of its steps stand at each status. `is_below`: CLEANUP, which is drawn below a rule.
    """

    id: str
    sort: Sort
    name: str
    status: str | None
    bars: tuple[Bar, ...]
    depth: int = 0
    number: int = 0
    worker_id: UUID | None = None
    step_id: UUID | None = None
    phase: str | None = None
    remembered: tuple[int, ...] = ()
    spent: Spent | None = None
    says: str | None = None
    counts: tuple[tuple[str, int], ...] = ()
    is_below: bool = False

    @property
    def seconds(self) -> float:
        """How long its bars are together."""
        return sum(bar.seconds for bar in self.bars)


def went_wrong(row: Row) -> bool:
    """Whether a step failed, ran out of time or was lost, be it in an attempt that others followed."""
    return row.status in _TRIED or any(bar.status in _TRIED for bar in row.bars)


def few(rows: list[Row], opened: str | None) -> tuple[list[Row], int]:
    """Not more rows than can be read: those of one name become a band, and what is still too many is left out."""
    if len(rows) <= MOST_ROWS:
        return rows, 0
    groups: dict[tuple[str | None, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.phase, stem(row.name)), []).append(row)
    kept: list[Row] = []
    hidden = 0
    room = MOST_ROWS
    for (phase, name), members in groups.items():
        if len(members) == 1:
            kept += members
            continue
        kept.append(band(f"band-{phase}-{name}", name, members, 1))
        if opened == name:
            kept += members[:MOST_MEMBERS]
            hidden += max(len(members) - MOST_MEMBERS, 0)
            room += MOST_MEMBERS
    return kept[:room], hidden + max(len(kept) - room, 0)


def stem(name: str) -> str:
    """The name that numbered steps share: `page 12` and `page_3` are `page`."""
    return _NUMBERED.sub("", name) or name


def band(id: str, name: str, members: Sequence[Row], depth: int) -> Row:
    """Many rows as one: counts by status, and bars that touch drawn as one."""
    counts = Counter(row.status or "" for row in members)
    first = members[0]
    return Row(
        id=id, sort=Sort.BAND, name=name, status=_worst(counts), depth=depth, phase=first.phase, is_below=first.is_below,
        bars=_joined([bar for row in members for bar in row.bars]), counts=tuple(sorted(counts.items())),
    )  # fmt: skip


def _worst(counts: Mapping[str, int]) -> str:
    order = (StepStatus.FAILED, AttemptStatus.LOST, StepStatus.RUNNING, StepStatus.PENDING, StepStatus.COMPLETED)
    return next((word for word in order if counts.get(word)), next(iter(counts)))


def _joined(bars: list[Bar]) -> tuple[Bar, ...]:
    """Bars of one texture that nobody could tell apart as one; what went wrong keeps its own, up to a number."""
    found: list[Bar] = []
    last: dict[Texture, int] = {}
    for bar in sorted(bars, key=lambda one: one.start):
        at = last.get(bar.texture)
        before = None if at is None else found[at]
        if at is not None and before is not None and (len(found) >= _MOST_BARS or bar.x <= before.x + before.width + 1):
            right = max(before.x + before.width, bar.x + bar.width)
            end = None if before.end is None or bar.end is None else max(before.end, bar.end)
            found[at] = Bar(
                bar.texture, bar.status, before.start, end, before.x, right - before.x, before.seconds + bar.seconds
            )
            continue
        last[bar.texture] = len(found)
        found.append(bar)
    return tuple(found)


def by_phase(rows: Sequence[Row], steps: Sequence[Row]) -> list[Row]:
    """Each phase that has steps, then its rows; CLEANUP comes last, for it always runs at the end. All `steps` are counted,
    also those that share a row or have none."""
    found: list[Row] = []
    for phase in Phase:
        mine = [row for row in rows if row.phase == phase]
        if not mine:
            continue
        bars = _joined([_outline(bar) for row in mine for bar in row.bars if bar.texture is not Texture.PEOPLE])
        counts = Counter(row.status or "" for row in steps if row.phase == phase)
        found.append(
            Row(
                id=f"phase-{phase}",
                sort=Sort.PHASE,
                name=phase.capitalize(),
                status=_worst(counts),
                bars=bars,
                phase=phase,
                counts=tuple(sorted(counts.items())),
                is_below=phase is Phase.CLEANUP,
            )
        )
        found += mine
    return found


def _outline(bar: Bar) -> Bar:
    """What a phase shows of a step's bar: that something ran."""
    texture = bar.texture if bar.texture in (Texture.RUN, Texture.LOST, Texture.FAILED) else Texture.DONE
    return Bar(texture, bar.status, bar.start, bar.end, bar.x, bar.width, bar.seconds)
