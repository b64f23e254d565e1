"""Budgets: what a job may use over all of its attempts, what it has used, what is left, and what people give it more. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from jobtrail.runners.claude.spec import Budget

MORE = Decimal("1.5")  # of what there was, when people say yes and name no number
CENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Used, allowed or left; None: not limited. In what is used all are numbers."""

    usd: Decimal | None = None
    tokens: int | None = None
    turns: int | None = None
    seconds: float | None = None


def allowed(budget: Budget) -> Amounts:
    """What the budget allows."""
    return Amounts(usd=budget.usd, tokens=budget.tokens, turns=budget.turns, seconds=budget.seconds)


def _pairs(limit: Amounts, used: Amounts) -> Iterator[tuple[str, Decimal, Decimal]]:
    for each in fields(Amounts):
        most = getattr(limit, each.name)
        if most is not None:
            yield each.name, Decimal(str(most)), Decimal(str(getattr(used, each.name) or 0))


def share(limit: Amounts, used: Amounts) -> float:
    """The part of the budget that is used, by the limit that is nearest; 1 and more: nothing is left.

    >>> share(Amounts(usd=Decimal(2), turns=10), Amounts(usd=Decimal(1), turns=2))
    0.5
    """
    return max((float(had / most) for _, most, had in _pairs(limit, used)), default=0.0)


def left(limit: Amounts, used: Amounts) -> Amounts:
    """What is left, never below nothing."""
    rest = {name: max(most - had, Decimal(0)) for name, most, had in _pairs(limit, used)}
    return Amounts(
        usd=rest.get("usd"),
        tokens=None if "tokens" not in rest else int(rest["tokens"]),
        turns=None if "turns" not in rest else int(rest["turns"]),
        seconds=None if "seconds" not in rest else float(rest["seconds"]),
    )


def least(own: Amounts, usd: Decimal | None, tokens: int | None) -> Amounts:
    """The smaller of what is left of the job's own budget and of what the budgets that hold it gave.

    >>> least(Amounts(usd=Decimal(2), turns=5), Decimal("0.5"), None)
    Amounts(usd=Decimal('0.5'), tokens=None, turns=5, seconds=None)
    """
    usds = [most for most in (own.usd, usd) if most is not None]
    counts = [most for most in (own.tokens, tokens) if most is not None]
    return replace(own, usd=min(usds, default=None), tokens=min(counts, default=None))


def told(limit: Amounts, used: Amounts) -> dict[str, Any]:
    """Both, for notes and results; money as text."""
    return {name: {"used": _plain(name, had), "limit": _plain(name, most)} for name, most, had in _pairs(limit, used)}


def in_words(limit: Amounts, used: Amounts) -> str:
    """`$0.51 of $0.50, 3 of 20 turns`."""
    parts = []
    for name, most, had in _pairs(limit, used):
        if name == "usd":
            parts.append(f"${had.quantize(CENT).normalize():f} of ${most.normalize():f}")
        else:
            parts.append(f"{_plain(name, had):,} of {_plain(name, most):,} {name}")
    return ", ".join(parts)


def form(limit: Amounts) -> dict[str, Any]:
    """The schema of what people may fill in: the new limits, for those that there are."""
    names = {"usd": "US dollars", "tokens": "tokens", "turns": "turns", "seconds": "seconds"}
    given = {name: words for name, words in names.items() if getattr(limit, name) is not None}
    properties = {name: {"type": "number", "description": f"the new limit in {words}"} for name, words in given.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def raised(limit: Amounts, filled: object) -> Amounts:
    """The budget after people said yes once: what they name, or, if they name nothing, all of it and half as much again.

    The same whenever it is asked, for every attempt asks anew.

    >>> raised(Amounts(usd=Decimal(2), turns=10), {"usd": "5"})
    Amounts(usd=Decimal('5'), tokens=None, turns=10, seconds=None)
    """
    pairs = {name: most for name, most, _ in _pairs(limit, Amounts())}
    named = {name: _number(filled.get(name)) for name in pairs} if isinstance(filled, Mapping) else {}
    given = {name: number for name, number in named.items() if number is not None}
    changes: dict[str, Any] = {}
    for name, most in pairs.items():
        new = max(most, given.get(name, most)) if given else most * MORE
        changes[name] = new if name == "usd" else math.ceil(new)
    return replace(limit, **changes)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 < number < 10**12 else None


def _plain(name: str, value: Decimal) -> Any:
    if name == "usd":
        return f"{value.normalize():f}"
    return float(round(value, 1)) if name == "seconds" else int(value)
