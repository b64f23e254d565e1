"""How often a failed job is tried again and how long it waits: arithmetic only; chance is passed in, not drawn here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar, assert_never

from jobtrail.core import duration
from jobtrail.core.errors import Invalid

MAX_ATTEMPTS = 1_000
LONGEST = timedelta(days=365)

Wait = str | float | timedelta
T = TypeVar("T")


class Backoff(StrEnum):
    """How the wait grows with the number of failures."""

    FIXED = "FIXED"
    LINEAR = "LINEAR"
    EXPONENTIAL = "EXPONENTIAL"


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """A policy. Waits may be given as "10s", as seconds or as timedelta; they are timedelta afterwards.

    >>> Retry(max_attempts=5, delay="10s").delay
    datetime.timedelta(seconds=10)
    """

    max_attempts: int
    backoff: Backoff
    delay: timedelta
    max_delay: timedelta
    jitter: bool

    def __init__(
        self,
        max_attempts: int = 3,
        backoff: Backoff | str = Backoff.EXPONENTIAL,
        delay: Wait = timedelta(seconds=2),
        max_delay: Wait = timedelta(hours=1),
        jitter: bool = True,
    ) -> None:
        problems: dict[str, str] = {}
        shortest = _read("delay", _wait, delay, problems)
        longest = _read("max_delay", _wait, max_delay, problems)
        if shortest is not None and longest is not None and shortest > longest:
            problems["delay"] = f"{duration.show(shortest)} is longer than max_delay, {duration.show(longest)}"
        object.__setattr__(self, "max_attempts", _read("max_attempts", _attempts, max_attempts, problems))
        object.__setattr__(self, "backoff", _read("backoff", _backoff, backoff, problems))
        object.__setattr__(self, "delay", shortest)
        object.__setattr__(self, "max_delay", longest)
        object.__setattr__(self, "jitter", _read("jitter", _truth, jitter, problems))
        if problems:
            text = "; ".join(f"{name}: {what}" for name, what in problems.items())
            raise Invalid(f"this retry policy cannot be used: {text}", fields=problems)

    def delay_after(self, failures: int, random: float) -> timedelta:
        """How long to wait after that many failures; `random` is in [0, 1)."""
        return delay_after(self.backoff, self.delay, failures, random, max_delay=self.max_delay, jitter=self.jitter)


def delay_after(
    backoff: Backoff,
    delay: timedelta,
    failures: int,
    random: float,
    *,
    max_delay: timedelta = timedelta(hours=1),
    jitter: bool = True,
) -> timedelta:
    """The same from the columns of a job. Full jitter: anything from nothing to the whole wait, so that jobs which
    failed together do not come back together.
    """
    if failures < 1 or not 0 <= random < 1:
        raise ValueError(f"there is no wait after {failures} failures with chance {random}")
    match backoff:
        case Backoff.FIXED:
            factor = 1
        case Backoff.LINEAR:
            factor = failures
        case Backoff.EXPONENTIAL:
            factor = 1 << min(failures - 1, 62)  # beyond any cap, and short of a huge number
        case _:
            assert_never(backoff)
    # In whole microseconds, because the product can be more than a timedelta holds.
    tick = timedelta(microseconds=1)
    wait = min(delay // tick * factor, max_delay // tick)
    return timedelta(microseconds=int(wait * random) if jitter else wait)


def _read(name: str, how: Callable[[object], T], value: object, problems: dict[str, str]) -> T | None:
    try:
        return how(value)
    except Invalid as error:
        problems[name] = error.message
        return None


def _attempts(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ATTEMPTS:
        raise Invalid(f"must be a whole number from 1 to {MAX_ATTEMPTS}, not {value!r}")
    return value


def _backoff(value: object) -> Backoff:
    try:
        return Backoff(str(value).upper())
    except ValueError:
        raise Invalid(f"must be {', '.join(Backoff)}, not {value!r}") from None


def _wait(value: object) -> timedelta:
    wait = duration.parse(value)  # type: ignore[arg-type]  # it says what is wrong with any other type
    if wait > LONGEST:
        raise Invalid(f"must be at most {duration.show(LONGEST)}, not {duration.show(wait)}")
    return wait


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"must be true or false, not {value!r}")
    return value
