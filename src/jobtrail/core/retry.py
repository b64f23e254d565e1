"""How often a failed job is tried again and how long it waits: arithmetic only; chance is passed in, not drawn here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar, assert_never

from jobtrail.core import duration
from jobtrail.core.errors import Invalid

MAX_ATTEMPTS = 1_000
LONGEST = timedelta(days=365)

Wait: TypeAlias = str | float | timedelta
Kind: TypeAlias = type[BaseException] | str
Custom: TypeAlias = Callable[[int, BaseException], Wait | None]
T = TypeVar("T")


class Backoff(StrEnum):
    """How the wait grows with the number of failures."""

    FIXED = "FIXED"
    LINEAR = "LINEAR"
    EXPONENTIAL = "EXPONENTIAL"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a job after a failure. `final`: never again; `delay` None: as the job itself was told to wait."""

    final: bool = False
    delay: timedelta | None = None


@dataclass(frozen=True, slots=True, init=False)
class Retry:
    """A policy. Waits may be given as "10s", as seconds or as timedelta; they are timedelta afterwards.

    `backoff` may be a function of the number of failures and the error, which answers a wait, or None for never again;
    `custom` holds it. `delays` are the waits one by one, without jitter unless it is asked for; the last one stays.
    `on` gives an error, as a class or by name, a policy of its own or None for never; its subclasses have it too.
    `retry_on` tries only after these errors again, `no_retry_on` after all but these. `after` is the wait of a job that
    answers with the policy. Raises Invalid with all that is wrong.

    >>> Retry(max_attempts=5, delay="10s").delay
    datetime.timedelta(seconds=10)
    >>> Retry(delays=["1s", "10s", "5m"]).max_attempts
    4
    """

    max_attempts: int
    backoff: Backoff
    delay: timedelta
    max_delay: timedelta
    jitter: bool
    delays: tuple[timedelta, ...]
    custom: Custom | None
    on: tuple[tuple[str, Retry | None], ...]
    retry_on: tuple[str, ...]
    no_retry_on: tuple[str, ...]
    after: timedelta | None

    def __init__(
        self,
        max_attempts: int | None = None,
        backoff: Backoff | str | Custom = Backoff.EXPONENTIAL,
        delay: Wait = timedelta(seconds=2),
        max_delay: Wait = timedelta(hours=1),
        jitter: bool | None = None,
        *,
        delays: Sequence[Wait] = (),
        custom: Custom | None = None,
        on: Mapping[Kind, Retry | None] | Sequence[tuple[str, Retry | None]] = (),
        retry_on: Sequence[Kind] = (),
        no_retry_on: Sequence[Kind] = (),
        after: Wait | None = None,
    ) -> None:
        problems: dict[str, str] = {}
        if callable(backoff) and not isinstance(backoff, str):
            custom, backoff = backoff, Backoff.EXPONENTIAL
        waits = _read("delays", _waits, delays, problems) or ()
        tries = (len(waits) + 1 if waits else 3) if max_attempts is None else max_attempts
        said: dict[str, object] = {
            "max_attempts": _read("max_attempts", _attempts, tries, problems),
            "backoff": _read("backoff", _backoff, backoff, problems),
            "delay": _read("delay", _wait, delay, problems),
            "max_delay": _read("max_delay", _wait, max_delay, problems),
            "jitter": _read("jitter", _truth, not waits if jitter is None else jitter, problems),
            "delays": waits,
            "custom": custom,
            "on": _read("on", _rules, on, problems),
            "retry_on": _read("retry_on", _names, retry_on, problems),
            "no_retry_on": _read("no_retry_on", _names, no_retry_on, problems),
            "after": None if after is None else _read("after", _wait, after, problems),
        }  # fmt: skip
        least, most = said["delay"], said["max_delay"]
        if isinstance(least, timedelta) and isinstance(most, timedelta) and least > most:
            problems["delay"] = f"{duration.show(least)} is longer than max_delay, {duration.show(most)}"
        for name, value in said.items():
            object.__setattr__(self, name, value)
        if problems:
            raise _unusable(problems)

    @property
    def columns(self) -> dict[str, Any]:
        """What a job's row says of the policy: as near as its columns come to it, for workers that know no more."""
        first, longest = (self.delays[0], max(self.delays)) if self.delays else (self.delay, self.max_delay)
        return {
            "max_attempts": max([self.max_attempts, *(own.max_attempts for _, own in self.on if own is not None)]),
            "backoff_type": Backoff.FIXED if self.delays else self.backoff,
            "backoff_delay_ms": round(first.total_seconds() * 1000),
            "backoff_max_ms": round(longest.total_seconds() * 1000),
        }

    def delay_after(self, failures: int, random: float) -> timedelta:
        """How long to wait after that many failures; `random` is in [0, 1)."""
        if self.delays:
            wait = self.delays[min(failures, len(self.delays)) - 1]
            return wait * random if self.jitter else wait
        return delay_after(self.backoff, self.delay, failures, random, max_delay=self.max_delay, jitter=self.jitter)

    def after_failure(
        self, failures: int, kinds: Sequence[str], random: float, *, error: BaseException | None = None
    ) -> Verdict:
        """What becomes of a job after so many failures, of which the last is of these `kinds`, the nearest name first.

        Raises what a function that answers waits raises, and Invalid when it answers what is no wait.
        """
        rules = dict(self.on)
        rule = next((kind for kind in kinds if kind in rules), None)
        if rule is not None:
            own = rules[rule]
            if own is None or failures >= own.max_attempts:
                return Verdict(final=True)
            return _own_wait(own, failures, error) or Verdict(delay=own.delay_after(failures, random))
        if {*kinds} & {*self.no_retry_on} or (self.retry_on and not {*kinds} & {*self.retry_on}):
            return Verdict(final=True)
        if self.columns["max_attempts"] > self.max_attempts <= failures:
            return Verdict(final=True)
        verdict = _own_wait(self, failures, error)
        if verdict is None and (self.delays or not self.jitter):
            verdict = Verdict(delay=self.delay_after(failures, random))
        return verdict or Verdict()


def _own_wait(policy: Retry, failures: int, error: BaseException | None) -> Verdict | None:
    """What the policy's function says; None when there is none, or no error to show it."""
    if policy.custom is None or error is None:
        return None
    answer = policy.custom(failures, error)
    return Verdict(final=True) if answer is None else Verdict(delay=_wait(answer))


def kinds_of(error: BaseException) -> tuple[str, ...]:
    """The names by which policies know an error, its own first, then those of what it is derived from.

    >>> kinds_of(TimeoutError())[:3]
    ('builtins.TimeoutError', 'TimeoutError', 'builtins.OSError')
    """
    classes = [kind for kind in type(error).__mro__ if kind is not object]
    return tuple(name for kind in classes for name in (_name(kind), kind.__qualname__))


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


def _unusable(problems: dict[str, str]) -> Invalid:
    text = "; ".join(f"{name}: {what}" for name, what in problems.items())
    return Invalid(f"this retry policy cannot be used: {text}", fields=problems)


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


def _waits(value: object) -> tuple[timedelta, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > MAX_ATTEMPTS:
        raise Invalid(f"must be a list of waits, not {value!r}")
    return tuple(_wait(one) for one in value)


def _rules(value: object) -> tuple[tuple[str, Retry | None], ...]:
    pairs = list(value.items() if isinstance(value, Mapping) else value)  # type: ignore[call-overload]  # checked below
    for kind, own in pairs:
        if own is not None and (not isinstance(own, Retry) or own.on or own.retry_on or own.no_retry_on):
            raise Invalid(f"gives {kind!r} {own!r}: it must be None, or a Retry without rules of its own")
    return tuple((_name(kind), own) for kind, own in pairs)


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise Invalid(f"must be a list of errors, not {value!r}")
    return tuple(_name(kind) for kind in value)


def _name(kind: object) -> str:
    """An error by name; a class by its module and name, so that two of one name are two."""
    if isinstance(kind, str) and kind:
        return kind
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return f"{kind.__module__}.{kind.__qualname__}"
    raise Invalid(f"{kind!r} is neither a class of errors nor the name of one")
