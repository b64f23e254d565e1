"""How a budget stands: what an attempt may hold of it, when to warn, to ask and to stop. Pure arithmetic and words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from jobtrail.core.budget_terms import MOST_USD, BudgetPeriod, BudgetScope, Limits, OnExceeded
from jobtrail.core.shown import length

SHARE: Final = 10
"""An attempt that does not say what it reserves reserves a tenth of the limit, or what is left of it."""
_MORE: Final = Decimal("1.5")  # of what there was, when people say yes and name no number


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """A budget as it stands in the period that runs. `held_…`: what open attempts reserved and did not use yet.

    `waiting`: jobs that wait for it. `own_…`: of one attempt, what it reserved in all (None: nothing) and what it used.
    `gate_…`: where people are asked for more, and what they filled in.
    """

    id: UUID
    scope: BudgetScope
    subject: str
    period: BudgetPeriod
    limit_usd: Decimal | None
    limit_tokens: int | None
    limit_seconds: float | None
    warn_at: float
    on_exceeded: OnExceeded
    period_began_at: datetime | None
    period_ends_at: datetime | None
    used_usd: Decimal
    used_tokens: int
    used_seconds: float
    held_usd: Decimal
    held_tokens: int
    running: int
    unpriced_calls: int
    waiting: int
    warned_at: datetime | None
    exceeded_at: datetime | None
    refused_at: datetime | None
    gate_id: UUID | None
    gate_status: str | None
    gate_job_id: UUID | None
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    own_hold_usd: Decimal | None = None
    own_hold_tokens: int | None = None
    own_usd: Decimal | None = None
    own_tokens: int | None = None
    gate_form: str | None = None
    period_seconds_left: float | None = None

    @property
    def share(self) -> float:
        """The part of it that is used, by the limit that is nearest; 1 and more: it is spent."""
        return max((float(one.used / one.limit) for one in measures(self)), default=0.0)

    @property
    def says(self) -> str:
        """What of it is used, in words."""
        return in_words(self)

    @property
    def whose(self) -> str:
        """Whose it is, as a command names it: `workspace`, `type:claude`, `job:…`."""
        word = "job" if self.scope == BudgetScope.TREE else self.scope.lower()
        return f"{word}:{self.subject}" if self.subject else word

    @property
    def label(self) -> str:
        """Whose budget it is, in words."""
        return label(self.scope, self.subject, self.period)


@dataclass(frozen=True, slots=True)
class Measure:
    """One limit of a budget against what was used and what others and this attempt hold beyond that."""

    name: str
    limit: Decimal
    used: Decimal
    others: Decimal
    own: Decimal

    @property
    def free(self) -> Decimal:
        """What this attempt may still hold."""
        return self.limit - self.used - self.others


def measures(budget: BudgetStanding) -> Iterator[Measure]:
    """The limits that it has. Time is not held: it passes for all."""
    if budget.limit_usd is not None:
        own = max((budget.own_hold_usd or Decimal(0)) - (budget.own_usd or Decimal(0)), Decimal(0))
        yield Measure("usd", budget.limit_usd, budget.used_usd, budget.held_usd - own, own)
    if budget.limit_tokens is not None:
        left = max((budget.own_hold_tokens or 0) - (budget.own_tokens or 0), 0)
        held = Decimal(budget.held_tokens - left)
        yield Measure("tokens", Decimal(budget.limit_tokens), Decimal(budget.used_tokens), held, Decimal(left))
    if budget.limit_seconds is not None:
        used = Decimal(str(budget.used_seconds))
        yield Measure("seconds", Decimal(str(budget.limit_seconds)), used, Decimal(0), Decimal(0))


class Verdict(StrEnum):
    """Whether a reservation fits: into what is left; once others give back what they hold; or not at all."""

    FITS = "FITS"
    WAITS = "WAITS"
    SPENT = "SPENT"


@dataclass(frozen=True, slots=True)
class Weighed:
    """What became of a wish. `usd` and `tokens`: what the attempt then holds beyond what it used, or would need."""

    verdict: Verdict
    usd: Decimal
    tokens: int


def weigh(
    budget: BudgetStanding,
    usd: Decimal | None = None,
    tokens: int | None = None,
    *,
    up_to: bool = False,
    whole: bool = False,
    look: bool = False,
) -> Weighed:
    """Whether an attempt may hold so much more than it has used. None: a tenth of the limit (`whole`: all of it), or what is
    left of it.

    `up_to`: less than is wished will do. `look`: it wants nothing more, and only its time counts. What it holds already is
    never taken from it.
    """
    wishes: dict[str, Decimal | None] = {"usd": usd, "tokens": None if tokens is None else Decimal(tokens)}
    verdict = Verdict.FITS
    amounts = {"usd": Decimal(0), "tokens": Decimal(0)}
    for one in measures(budget):
        wish = wishes.get(one.name)
        least = Decimal(0) if wish is None or up_to else wish
        if look and one.name in amounts:
            amounts[one.name] = one.own
            continue
        if one.free <= 0 or one.free < least:
            rest = one.limit - one.used
            verdict = max(verdict, Verdict.SPENT if rest <= 0 or rest < least else Verdict.WAITS, key=_WORSE.index)
        if one.name in amounts:
            usual = one.limit if whole else _share(one)
            asked = wish if wish is not None and not up_to else min(wish or usual, max(one.free, Decimal(0)))
            amounts[one.name] = max(asked, one.own)
    return Weighed(verdict, amounts["usd"], int(amounts["tokens"]))


_WORSE: Final = (Verdict.FITS, Verdict.WAITS, Verdict.SPENT)


def _share(one: Measure) -> Decimal:
    return one.limit / SHARE if one.name == "usd" else Decimal(math.ceil(one.limit / SHARE))


@dataclass(frozen=True, slots=True)
class Waiter:
    """A job that waits for a budget, and what it needs; nothing: what an attempt usually reserves."""

    job_id: UUID
    usd: Decimal
    tokens: int


def awake(budget: BudgetStanding, waiters: Sequence[Waiter]) -> list[UUID]:
    """Which of those that wait go on: as many as fit, in their order; where nothing fits any more, one that asks for more,
    or all, to end, if nothing more is given."""
    chosen: list[UUID] = []
    asks = budget.gate_id is not None
    for one in waiters:
        got = weigh(budget, one.usd or None, one.tokens or None)
        if got.verdict is Verdict.WAITS:
            continue
        if got.verdict is Verdict.FITS:
            held = (budget.held_usd + got.usd, budget.held_tokens + got.tokens)
            budget = replace(budget, held_usd=held[0], held_tokens=held[1])
        elif not ends(budget):
            if asks:
                continue
            asks = True
        chosen.append(one.job_id)
    return chosen


def ends(budget: BudgetStanding) -> bool:
    """Whether a job that meets it spent ends, and does not ask or wait."""
    return budget.on_exceeded == OnExceeded.STOP or budget.refused_at is not None


def extended(budget: BudgetStanding, usd: Decimal | None = None, tokens: int | None = None) -> tuple[Weighed, bool]:
    """What an attempt holds after it has booked, and whether it must stop: it used more than it had reserved, and there
    is no more. An attempt within its hold is left alone, whatever others did."""
    beyond = {
        "usd": budget.own_hold_usd is None or (budget.own_usd or Decimal(0)) > budget.own_hold_usd,
        "tokens": budget.own_hold_tokens is None or (budget.own_tokens or 0) > budget.own_hold_tokens,
    }
    wishes: dict[str, Decimal | None] = {"usd": usd, "tokens": None if tokens is None else Decimal(tokens)}
    over = False
    amounts = {"usd": Decimal(0), "tokens": Decimal(0)}
    for one in measures(budget):
        if one.name not in amounts:
            over = over or one.free <= 0
            continue
        amounts[one.name] = one.own
        if beyond[one.name]:
            wish = wishes[one.name]
            usual = wish if wish is not None else _share(one)
            amounts[one.name] = max(min(usual, one.free), Decimal(0))
            over = over or one.free <= 0
    return Weighed(Verdict.SPENT if over else Verdict.FITS, amounts["usd"], int(amounts["tokens"])), over


@dataclass(frozen=True, slots=True)
class Grant:
    """What an attempt may use before it must ask again: beyond what it has used by now. None: no budget says.

    `seconds`: after how long the time is looked at again.
    """

    usd: Decimal | None = None
    tokens: int | None = None
    seconds: float | None = None


def granted(budgets: Sequence[tuple[BudgetStanding, Weighed]]) -> Grant:
    """The least of what several budgets gave."""
    usd = [given.usd for budget, given in budgets if budget.limit_usd is not None]
    tokens = [given.tokens for budget, given in budgets if budget.limit_tokens is not None]
    seconds = [
        max(budget.limit_seconds - budget.used_seconds, 0.0) / max(budget.running, 1)
        for budget, _ in budgets
        if budget.limit_seconds is not None
    ]
    return Grant(min(usd, default=None), min(tokens, default=None), min(seconds, default=None))


def raised(budget: BudgetStanding, form: object = None) -> Limits:
    """The limits after people said yes: those that they named, or, if they named none, half as much again as there was.

    Only limits that the budget has; none becomes smaller.
    """
    had = {one.name: one.limit for one in measures(budget)}
    filled = form if isinstance(form, Mapping) else {}
    named = {name: _number(filled.get(f"limit_{name}")) for name in had}
    given = {name: number for name, number in named.items() if number is not None}
    new = {name: max(most, given.get(name, most)) if given else most * _MORE for name, most in had.items()}
    return Limits(
        usd=new.get("usd"),
        tokens=None if "tokens" not in new else math.ceil(new["tokens"]),
        seconds=None if "seconds" not in new else float(new["seconds"]),
    )


def limits_of(budget: BudgetStanding) -> Limits:
    """What it may be used up to."""
    return Limits(usd=budget.limit_usd, tokens=budget.limit_tokens, seconds=budget.limit_seconds)


def answer(budget: BudgetStanding, given: Limits) -> dict[str, float]:
    """What is filled in where the question for more is answered by these limits."""
    return {
        f"limit_{one.name}": float(most) for one in measures(budget) if (most := getattr(given, one.name)) is not None
    }


def form(budget: BudgetStanding) -> dict[str, Any]:
    """The JSON schema of what people may fill in: new limits, for those that there are."""
    words = {"usd": "US dollars", "tokens": "tokens", "seconds": "seconds"}
    properties = {
        f"limit_{one.name}": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": f"the new limit in {words[one.name]}; it was {one.limit.normalize():f}",
        }
        for one in measures(budget)
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def left_of(budget: BudgetStanding) -> Limits:
    """What nobody uses or holds, never below nothing; None: not limited."""
    left = {one.name: max(one.free - one.own, Decimal(0)) for one in measures(budget)}
    return Limits(
        usd=left.get("usd"),
        tokens=None if "tokens" not in left else int(left["tokens"]),
        seconds=None if "seconds" not in left else float(left["seconds"]),
    )


def in_words(budget: BudgetStanding) -> str:
    """`$0.51 of $0.50, 3,000 of 20,000 tokens`."""
    return ", ".join(_measured(one) for one in measures(budget))


def _measured(one: Measure) -> str:
    if one.name == "usd":
        return f"{dollars(one.used)} of {dollars(one.limit)}"
    if one.name == "seconds":
        return f"{length(float(one.used))} of {length(float(one.limit))}"
    return f"{int(one.used):,} of {int(one.limit):,} tokens"


def dollars(amount: Decimal) -> str:
    """Money with two places, or as many as it needs.

    >>> dollars(Decimal("1")), dollars(Decimal("0.0025"))
    ('$1.00', '$0.0025')
    """
    text = f"{amount.quantize(Decimal('0.000001')).normalize():f}"
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"


def label(scope: str, subject: str, period: str) -> str:
    """Whose budget it is, in words.

    >>> label("WORKSPACE", "", "MONTH"), label("TYPE", "claude", "TOTAL")
    ('budget of the workspace for this month', 'budget of type claude')
    """
    match scope:
        case BudgetScope.WORKSPACE:
            of = "the workspace"
        case BudgetScope.TREE:
            of = f"job {subject} and its descendants"
        case BudgetScope.ATTEMPT:
            of = f"each attempt of job {subject}"
        case _:
            of = f"{scope.lower()} {subject}"
    when = {BudgetPeriod.MONTH: " for this month", BudgetPeriod.DAY: " for today"}.get(BudgetPeriod(period), "")
    return f"budget of {of}{when}"


def question(budget: BudgetStanding) -> str:
    """What people are asked when it is spent."""
    held = f" ({dollars(budget.held_usd)} more are reserved)" if budget.held_usd > 0 else ""
    return f"The {budget.label} is spent: {in_words(budget)}{held}. Raise it?"


def waiting_for(budget: BudgetStanding) -> str:
    """Why a job waits for it."""
    if budget.gate_id is not None:
        asks = f"job {budget.gate_job_id} asks for more at gate {budget.gate_id}"
        return f"the {budget.label} is spent: {in_words(budget)}; {asks}"
    others = f"{budget.running} {'attempt' if budget.running == 1 else 'attempts'}"
    return f"what is left of the {budget.label} ({in_words(budget)}) is reserved by {others}"


def note(budget: BudgetStanding) -> dict[str, Any]:
    """What an event of the trail says of it; money as text."""
    amounts = {
        one.name: {"used": _plain(one.name, one.used), "limit": _plain(one.name, one.limit)} for one in measures(budget)
    }
    return {
        "budget_id": str(budget.id),
        "scope": budget.scope,
        "subject": budget.subject,
        "period": budget.period,
        "share": round(budget.share, 4),
        "budget": amounts,
        "message": f"{budget.label}: {in_words(budget)}",
    }


def _plain(name: str, value: Decimal) -> Any:
    if name == "usd":
        return f"{value.normalize():f}"
    return round(float(value), 1) if name == "seconds" else int(value)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 < number <= MOST_USD else None
