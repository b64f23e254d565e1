"""Limits as nouns: what may run or start at once, of a queue, a type, a concurrency key or a whole workspace, and how people
write a rate. What a limit leaves, the database reckons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from jobtrail.core import duration
from jobtrail.core.errors import Invalid
from jobtrail.core.jsonguard import check_name

EACH: Final = "*"
"""As the name of a KEY limit: each key that has none of its own."""
MOST: Final = 1_000_000
MOST_SECONDS: Final = 31_622_400.0
_TYPED: Final = {"max_slots": "slots", "rate_count": "rate: how many", "rate_seconds": "rate: the seconds"}
_SHORT: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class LimitScope(StrEnum):
    """What a limit is on."""

    QUEUE = "QUEUE"
    TYPE = "TYPE"
    KEY = "KEY"
    WORKSPACE = "WORKSPACE"


class RateKind(StrEnum):
    """How starts are counted: SLIDING_WINDOW, at most n in any s seconds; TOKEN_BUCKET, n in s seconds evenly, and a burst."""

    SLIDING_WINDOW = "SLIDING_WINDOW"
    TOKEN_BUCKET = "TOKEN_BUCKET"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` starts in `seconds`; with `burst`, so many at once after a pause, and the others evenly."""

    count: int
    seconds: float
    burst: int | None = None

    @property
    def kind(self) -> RateKind:
        """A burst makes it a bucket."""
        return RateKind.SLIDING_WINDOW if self.burst is None else RateKind.TOKEN_BUCKET


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as it stands. `max_slots` counts slots; of a KEY, jobs. `source` BREAKER: set by the breaker of a type."""

    id: UUID
    scope: str
    name: str
    source: str
    max_slots: int | None
    rate_count: int | None
    rate_seconds: float | None
    rate_kind: str | None
    burst: int | None
    set_by: str
    set_at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class LimitUse:
    """A limit and how much of it is used now: slots of open attempts (of a KEY: jobs), and how many may still start at once by
    its rate (None: it has none). Of KEY `*`, the key that uses most."""

    id: UUID
    scope: str
    name: str
    source: str
    max_slots: int | None
    rate_count: int | None
    rate_seconds: float | None
    rate_kind: str | None
    burst: int | None
    set_by: str
    set_at: datetime
    reason: str | None
    used_slots: int
    starts_left: int | None
    again_ms: int | None

    @property
    def full(self) -> bool:
        """Whether nothing more can start under it now."""
        return (self.max_slots is not None and self.used_slots >= self.max_slots) or self.starts_left == 0


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A concurrency key of which jobs run or wait: how many run, how many may, how many wait (counted up to a cap)."""

    key: str
    running: int
    limit: int
    waiting: int


def check_limit(
    scope: LimitScope, name: str, max_slots: int | None, rate: Rate | None
) -> tuple[LimitScope, str, int | None, Rate | None]:
    """The same, checked. Raises Invalid."""
    wrong: dict[str, str] = {}
    if scope is LimitScope.WORKSPACE:
        if name:
            wrong["name"] = "must be empty: it is the whole workspace that is limited"
    else:
        name = check_name(name, "name")
    if max_slots is None and rate is None:
        wrong["max_slots"] = "or a rate must be given: 10 slots, or 60/m"
    if max_slots is not None and not 0 <= max_slots <= MOST:
        wrong["max_slots"] = f"must be 0 to {MOST}, not {max_slots}"
    if rate is not None:
        wrong |= _wrong_in(rate)
        if scope is LimitScope.KEY:
            wrong["rate"] = "is not for a concurrency key; limit the rate of its type or queue"
    if wrong:
        said = "; ".join(f"{_TYPED.get(at, at)} {what}" for at, what in wrong.items())
        raise Invalid(f"this is no limit: {said}", fields=wrong)
    return scope, name, max_slots, rate


def _wrong_in(rate: Rate) -> dict[str, str]:
    wrong = {}
    if not 1 <= rate.count <= MOST:
        wrong["rate_count"] = f"must be 1 to {MOST}"
    if not 0.001 <= rate.seconds <= MOST_SECONDS:
        wrong["rate_seconds"] = f"must be 0.001 to {MOST_SECONDS:.0f}"
    if rate.burst is not None and not 1 <= rate.burst <= MOST:
        wrong["burst"] = f"must be 1 to {MOST}"
    return wrong


def parse_rate(text: str, burst: int | None = None) -> Rate:
    """Reads `60/m`, `5/10s`, `1000/h`. Raises Invalid."""
    count, slash, per = text.strip().partition("/")
    try:
        seconds = _SHORT.get(per.strip()) or duration.parse(per.strip()).total_seconds()
        if slash and count.strip().isdigit():
            return Rate(int(count), seconds, burst)
    except (Invalid, ValueError):
        pass
    raise Invalid(
        f"{text!r} is no rate; write how many in how long: 60/m, 5/10s, 1000/h", fields={"rate": "is no rate"}
    )


def rate_text(count: int, seconds: float) -> str:
    """A rate as `parse_rate` reads it."""
    for unit, length in reversed(_SHORT.items()):
        if seconds >= length and seconds % length == 0:
            number = int(seconds // length)
            return f"{count}/{unit if number == 1 else f'{number}{unit}'}"
    return f"{count}/{timedelta(seconds=seconds).total_seconds():g}s"
