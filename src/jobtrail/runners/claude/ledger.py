"""What an invocation used, as rows of the ledger: from its result, or, without one, a lower bound of unknown price. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from jobtrail.runners.claude.facts import ModelUse, Result, Spent
from jobtrail.service.usage import Call

PROVIDER = "anthropic"
PRICED = "claude-code estimate"
UNPRICED = "no result line"
EXACT = Decimal("1E-10")  # the program sums in binary: what lies behind this is its error, not money


def exact(amount: Decimal | None) -> Decimal | None:
    """An amount without the noise of binary sums.

    >>> exact(Decimal("0.0018625500000000001"))
    Decimal('0.00186255')
    """
    if amount is None:
        return None
    return amount.quantize(EXACT).normalize()


@dataclass(slots=True)
class Seen:
    """What the answers of the model said of themselves, once for each. Used where there is no result."""

    tokens: int = 0  # all of them, at least; kept, for it is asked after each answer
    _by_message: dict[str, Spent] = field(default_factory=dict)

    def see(self, spent: Spent) -> None:
        """Takes note of an answer; one that is told in parts counts once."""
        known = self._by_message.get(spent.message_id)
        if known is None or spent.output >= known.output:
            self._by_message[spent.message_id] = spent
            self.tokens += _tokens(spent) - (0 if known is None else _tokens(known))

    def models(self) -> list[ModelUse]:
        """By model, without a price."""
        found: dict[str, ModelUse] = {}
        for each in self._by_message.values():
            old = found.get(each.model, ModelUse(model=each.model))
            found[each.model] = ModelUse(
                model=each.model,
                input=old.input + each.input,
                output=old.output + each.output,
                cached=old.cached + each.cached,
            )
        return list(found.values())


def _tokens(spent: Spent) -> int:
    return spent.input + spent.output + spent.cached


def calls_of(result: Result | None, seen: Seen, asked: str | None = None) -> list[Call]:
    """The rows to book, one for each model. `input_tokens` are those that were read anew, cached ones apart.

    `asked`: the model that was asked, should there be neither a cost nor an answer: what that cost is not known.
    """
    if result is None or (not result.models and result.cost is None):
        unheard = [ModelUse(model=asked)] if asked is not None else []
        return [_call(each, None, UNPRICED) for each in seen.models() or unheard]
    if result.models:
        return [_call(each, exact(each.cost), PRICED) for each in result.models]
    cost = exact(result.cost)
    models = seen.models()
    if cost and len(models) <= 1:  # money without a model
        return [_call(models[0] if models else ModelUse(model="unknown"), cost, PRICED)]
    return [_call(each, None, UNPRICED) for each in models]


def _call(use: ModelUse, cost: Decimal | None, source: str) -> Call:
    return Call(
        provider=PROVIDER,
        model=use.model,
        input_tokens=use.input + use.created,
        output_tokens=use.output,
        cached_tokens=use.cached,
        cost_usd=cost,
        price_source=source,
    )


def cost_of(calls: Iterable[Call]) -> Decimal | None:
    """What they cost together; None if the price of one is unknown, or there is none."""
    total = Decimal(0)
    some = False
    for call in calls:
        if call.cost_usd is None:
            return None
        total, some = total + call.cost_usd, True
    return total if some else None


def tokens_of(calls: Iterable[Call]) -> dict[str, int]:
    """Input, output and cached."""
    found = {"input": 0, "output": 0, "cached": 0}
    for call in calls:
        found["input"] += call.input_tokens
        found["output"] += call.output_tokens
        found["cached"] += call.cached_tokens
    return found
