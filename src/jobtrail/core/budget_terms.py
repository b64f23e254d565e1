"""A budget as people set it: whose attempts it holds, how much they may use, from when to warn, and what happens then."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from jobtrail.core import duration
from jobtrail.core.errors import Invalid

MOST_USD: Final = Decimal(10) ** 8
MOST_TOKENS: Final = 1 << 52
MOST_SECONDS: Final = 100 * 366 * 86_400.0


class BudgetScope(StrEnum):
    """Whose attempts a budget holds; all but the first two by one attribute of their jobs."""

    ATTEMPT = "ATTEMPT"
    TREE = "TREE"
    SCHEDULE = "SCHEDULE"
    TASK = "TASK"
    PROJECT = "PROJECT"
    TYPE = "TYPE"
    QUEUE = "QUEUE"
    WORKSPACE = "WORKSPACE"


class BudgetPeriod(StrEnum):
    """For how long a limit stands: for good, or for each month or day of UTC anew."""

    TOTAL = "TOTAL"
    MONTH = "MONTH"
    DAY = "DAY"


class OnExceeded(StrEnum):
    """What happens when it is spent: people are asked for more, or the jobs are stopped."""

    GATE = "GATE"
    STOP = "STOP"


OF_JOBS: Final = frozenset({BudgetScope.ATTEMPT, BudgetScope.TREE})
"""Scopes whose subject is a job, with which the budget goes; they have no period."""
_OF_IDS: Final = OF_JOBS | {BudgetScope.SCHEDULE, BudgetScope.TASK, BudgetScope.PROJECT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be used: dollars, tokens, seconds of attempts. None: as much as they like."""

    usd: Decimal | None = None
    tokens: int | None = None
    seconds: float | None = None


class Budget:
    """What a job may use: `jt.Budget(usd="1.00", tokens=500_000, wall="1h")`.

    `usd` is in dollars, `wall` the time of attempts (seconds, text such as `1h`, or timedelta), each added up. `per`: the
    job and all that descends from it over all attempts (`tree`), or each attempt by itself. From `warn_at` of it (0 to 1)
    people are told; when it is spent they are asked for more (`gate`), or the jobs end FAILED (`stop`).
    Raises Invalid.
    """

    __slots__ = ("limits", "on_exceeded", "per", "warn_at")

    def __init__(
        self,
        usd: Decimal | str | float | None = None,
        *,
        tokens: int | None = None,
        wall: str | float | timedelta | None = None,
        per: Literal["tree", "attempt"] = "tree",
        warn_at: float = 0.8,
        on_exceeded: Literal["gate", "stop"] = "gate",
    ) -> None:
        seconds = None if wall is None else duration.parse(wall).total_seconds()
        self.limits = checked(Limits(usd=money(usd, "usd"), tokens=tokens, seconds=seconds))
        self.per = _word(BudgetScope, per, "per", OF_JOBS)
        self.on_exceeded = _word(OnExceeded, on_exceeded, "on_exceeded")
        self.warn_at = share_of_one(warn_at)

    def _key(self) -> tuple[object, ...]:
        return (self.limits, self.per, self.on_exceeded, self.warn_at)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Budget) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        most = self.limits
        return f"Budget({most.usd}, {most.tokens}, {most.seconds}, {self.per}, {self.warn_at}, {self.on_exceeded})"


def spoken(budget: Budget) -> dict[str, Any]:
    """A budget as it goes over HTTP."""
    most = budget.limits
    said = {"usd": most.usd, "tokens": most.tokens, "wall_seconds": most.seconds, "per": budget.per.lower()}
    rest = {"warn_at": budget.warn_at, "on_exceeded": budget.on_exceeded.lower()}
    return {name: value for name, value in (said | rest).items() if value is not None}


def subject_of(scope: BudgetScope, subject: str) -> str:
    """The subject as it is stored. Raises Invalid where it does not go with the scope."""
    if scope is BudgetScope.WORKSPACE:
        if subject:
            raise Invalid("a budget of the workspace has no subject", fields={"subject": "must be left out"})
        return ""
    if not subject:
        raise Invalid(f"say of which {scope.lower()} it is", fields={"subject": "is missing"})
    if scope not in _OF_IDS:
        return subject
    try:
        return str(UUID(subject))
    except ValueError:
        raise Invalid(f"{scope.lower()} {subject!r} is not an id", fields={"subject": "must be an id"}) from None


def checked(limits: Limits) -> Limits:
    """The limits. Raises Invalid when there is none, or one that is none."""
    faults = {}
    if all(getattr(limits, each.name) is None for each in fields(Limits)):
        raise Invalid("a budget needs a limit: usd, tokens or seconds", fields={"limit_usd": "is missing"})
    if limits.usd is not None and not (limits.usd.is_finite() and 0 < limits.usd <= MOST_USD):
        faults["limit_usd"] = f"must be above 0 and at most {MOST_USD}"
    if limits.tokens is not None and not 0 < limits.tokens <= MOST_TOKENS:
        faults["limit_tokens"] = f"must be above 0 and at most {MOST_TOKENS}"
    if limits.seconds is not None and not 0 < limits.seconds <= MOST_SECONDS:
        faults["limit_seconds"] = "must be above 0 and at most a hundred years"
    if faults:
        raise Invalid("; ".join(f"{name} {fault}" for name, fault in faults.items()), fields=faults)
    return limits


def share_of_one(value: float) -> float:
    """From when to warn. Raises Invalid."""
    if not 0 < value <= 1:
        raise Invalid("warn_at must be above 0 and at most 1", fields={"warn_at": "must be above 0 and at most 1"})
    return float(value)


def money(value: Decimal | str | float | None, name: str) -> Decimal | None:
    """Dollars as they are counted. Raises Invalid for what is no amount.

    >>> money("$1.50", "usd")
    Decimal('1.50')
    """
    if value is None:
        return None
    try:
        amount = Decimal(str(value).strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0 or amount > MOST_USD:
        raise Invalid(
            f"{name} must be an amount of dollars, such as 1.50, not {value!r}", fields={name: "is no amount"}
        )
    return amount.quantize(Decimal("1E-10")) if -int(amount.as_tuple().exponent) > 10 else amount


def _word(words: type[Any], value: str, name: str, some: frozenset[Any] | None = None) -> Any:
    known = [str(word) for word in words if some is None or word in some]
    if value.upper() not in known:
        said = ", ".join(word.lower() for word in known)
        raise Invalid(f"{name} must be one of {said}, not {value!r}", fields={name: f"one of {said}"})
    return words(value.upper())
