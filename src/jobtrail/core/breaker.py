"""The breaker of a type of job: the words for where it stands, and what may be said of it. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from jobtrail.core.errors import Invalid

_BOUNDS: Final = {
    "min_failures": (1, 1_000_000),
    "window_seconds": (10, 3_600),
    "open_seconds": (1, 86_400),
    "probes": (1, 1_000),
}


class BreakerMode(StrEnum):
    """Who moves a breaker: it itself by what it counts, or people, who hold it open or closed."""

    AUTO = "AUTO"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class BreakerState(StrEnum):
    """CLOSED lets all jobs start, OPEN none, HALF_OPEN a few, to see."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


@dataclass(frozen=True, slots=True)
class Breaker:
    """How the breaker of a type stands. `completed` and `failed` count the attempts within its window."""

    type: str
    mode: str
    state: str
    state_at: datetime
    min_failures: int
    failure_ratio: float
    window_seconds: int
    open_seconds: int
    probes: int
    reason: str | None
    set_by: str
    set_at: datetime
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class HeldType:
    """A type whose breaker holds jobs in a queue, and how many."""

    type: str
    state: str
    state_at: datetime
    reason: str | None
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a breaker opens and closes; None leaves a value as it is, or as it is by default.

    It opens when of the attempts within `window_seconds` (60) at least `min_failures` (10) and `failure_ratio` (0.5)
    failed, lets `probes` (1) jobs through after `open_seconds` (30), and closes when so many completed.
    """

    min_failures: int | None = None
    failure_ratio: float | None = None
    window_seconds: int | None = None
    open_seconds: int | None = None
    probes: int | None = None


def check_policy(policy: BreakerPolicy) -> BreakerPolicy:
    """The same, checked. Raises Invalid, which names each value that is out of its bounds."""
    wrong: dict[str, str] = {}
    for name, (least, most) in _BOUNDS.items():
        value = getattr(policy, name)
        if value is not None and not least <= value <= most:
            wrong[name] = f"must be {least} to {most}, not {value}"
    if policy.failure_ratio is not None and not 0 < policy.failure_ratio <= 1:
        wrong["failure_ratio"] = f"must be above 0 and at most 1, not {policy.failure_ratio:g}"
    if wrong:
        said = "; ".join(f"{name} {what}" for name, what in wrong.items())
        raise Invalid(f"a breaker cannot be so: {said}", fields=wrong)
    return policy
