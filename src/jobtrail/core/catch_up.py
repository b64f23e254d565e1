"""What is due of a schedule now, and what comes of the ticks that nobody made in time. Arithmetic only; the time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from jobtrail.core.schedule import CatchUp, Timing, after

MISSED_AFTER: Final = timedelta(minutes=1)
"""A tick that is later than this was missed, and the catch-up policy says what comes of it."""
MOST_CAUGHT_UP: Final = 1_000
_COUNTED: Final = 10_000
_LOOKED_AT: Final = 50_000


@dataclass(frozen=True, slots=True)
class Missed:
    """A stretch of ticks that get no job; `ticks` None: more than anybody counted."""

    first_at: datetime
    last_at: datetime
    ticks: int | None


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now: ticks that were missed and get a job all the same, those that are on time, those that get none,
    and the next one to come, with the time at which that is due."""

    late: tuple[datetime, ...]
    on_time: tuple[datetime, ...]
    missed: Missed | None
    next_at: datetime | None
    due_at: datetime | None


def due(
    timing: Timing,
    next_at: datetime,
    due_at: datetime,
    now: datetime,
    policy: CatchUp,
    most: int = MOST_CAUGHT_UP,
    put_off: Callable[[datetime], timedelta] = lambda _: timedelta(0),
    ends_at: datetime | None = None,
) -> Due:
    """What is due of a schedule whose next tick is `next_at`, put off to `due_at`. What is no more than a minute late is on
    time; of the missed ones SKIP keeps none, LAST the newest if none is on time, ALL the newest `most`. A tick that is put
    off holds up those after it, so that none is called late for that. Nothing is due after `ends_at`.
    """
    keep = {CatchUp.SKIP: 0, CatchUp.LAST: 1, CatchUp.ALL: min(most, MOST_CAUGHT_UP)}[policy]
    walk = _Walk(now, put_off, due_at, deque(maxlen=keep + 1))
    walk.along(_from(timing, next_at, ends_at), _COUNTED)
    exact = walk.late_count < _COUNTED
    if not exact:
        since = walk.late[-1]
        until = min(now - MISSED_AFTER, ends_at or now)
        newest = _newest(timing, since, until, keep)
        if newest is None:
            keep = 0
            walk.late.append(until)
        walk.along(_from(timing, newest or until + timedelta(microseconds=1), ends_at), None)
    kept = list(walk.late)[-keep:] if keep and not (policy == CatchUp.LAST and walk.on_time) else []
    left = [at for at in walk.late if at not in kept]
    missed = Missed(next_at, left[-1], walk.late_count - len(kept) if exact else None) if left else None
    return Due(tuple(kept), tuple(walk.on_time), missed, walk.following, walk.ready if walk.following else None)


@dataclass(slots=True)
class _Walk:
    """Ticks sorted by how late they are: the newest late ones, those that are on time, and the first one to come."""

    now: datetime
    put_off: Callable[[datetime], timedelta]
    ready: datetime
    late: deque[datetime]
    on_time: list[datetime] = field(default_factory=list)
    following: datetime | None = None
    late_count: int = 0

    def along(self, ticks: Iterator[datetime], most: int | None) -> None:
        """Goes on to the first tick to come, or until there are so many late ones."""
        for at in ticks:
            self.ready = max(self.ready, at + self.put_off(at))
            if self.ready > self.now:
                self.following = at
                return
            if self.ready > self.now - MISSED_AFTER:
                self.on_time.append(at)
                continue
            self.late.append(at)
            self.late_count += 1
            if self.late_count == most:
                return


def _from(timing: Timing, first: datetime, ends_at: datetime | None) -> Iterator[datetime]:
    """The ticks from a time on, up to the end."""
    found = after(timing, first - timedelta(microseconds=1))
    return found if ends_at is None else takewhile(lambda at: at <= ends_at, found)


def _newest(timing: Timing, since: datetime, until: datetime, wanted: int) -> datetime | None:
    """From when on there are about as many ticks as are wanted up to a time, without a walk through all of them. None: that
    would take too long, and none of them is caught up."""
    begin, span = until, timedelta(seconds=_COUNTED // 2)
    while begin > since:
        begin, span = max(since, until - span), span * 2
        found = list(takewhile(lambda at: at <= until, islice(after(timing, begin), _LOOKED_AT)))
        if len(found) == _LOOKED_AT:
            return None
        if len(found) > wanted:
            return found[-(wanted + 1)]
    return since + timedelta(microseconds=1)
