"""What a job cost, line by line: which part was for nothing, and which did not have to be paid again. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from jobtrail.core.model import Attempt, Step
from jobtrail.core.spent import Spent
from jobtrail.core.status import AttemptStatus, StepStatus

_IN_VAIN: Final = frozenset({AttemptStatus.FAILED, AttemptStatus.LOST, AttemptStatus.TIMED_OUT})
_INTERRUPTED: Final = "interrupted"
"""The error code of an attempt that was cut off; others that are INTERRUPTED ended to wait for something."""


@dataclass(frozen=True, slots=True)
class UsageOfStep:
    """What a step used of one model in one attempt. A cost of None is unknown, not zero."""

    attempt_id: UUID
    step_id: UUID | None
    provider: str
    model: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None
    unpriced_calls: int
    price_source: str | None


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of a bill. `kept`: the step completed in that attempt, and a later attempt did not run it again; `wasted`:
    the attempt was lost, cut off, or failed, and nothing of this was kept."""

    usage: UsageOfStep
    step: str | None
    attempt: int | None
    attempt_status: str | None
    kept: bool
    wasted: bool


@dataclass(frozen=True, slots=True)
class JobCost:
    """The bill of a job. Costs of None are unknown; the counts of unpriced calls say by how many they are too little."""

    lines: Sequence[CostLine]
    own: Spent
    wasted_usd: Decimal | None
    wasted_unpriced: int
    saved_usd: Decimal | None
    saved_unpriced: int

    @property
    def unpriced(self) -> list[CostLine]:
        """The lines with calls whose price nobody knows."""
        return [line for line in self.lines if line.usage.unpriced_calls]


def bill(used: Sequence[UsageOfStep], attempts: Sequence[Attempt], steps: Sequence[Step]) -> JobCost:
    """Adds up what a job used; attempts and steps as they stood at the same time."""
    by_attempt = {one.id: one for one in attempts}
    by_step: dict[UUID | None, Step] = {one.id: one for one in steps}
    newest = max((one.number for one in attempts), default=0)
    lines = [_line(one, by_attempt.get(one.attempt_id), by_step.get(one.step_id), newest) for one in used]
    wasted = [line.usage for line in lines if line.wasted]
    saved = [line.usage for line in lines if line.kept]
    own = Spent(
        calls=sum(one.calls for one in used),
        input_tokens=sum(one.input_tokens for one in used),
        output_tokens=sum(one.output_tokens for one in used),
        cached_tokens=sum(one.cached_tokens for one in used),
        reasoning_tokens=sum(one.reasoning_tokens for one in used),
        cost_usd=_sum(used),
        unpriced_calls=_unpriced(used),
    )
    return JobCost(lines, own, _sum(wasted), _unpriced(wasted), _sum(saved), _unpriced(saved))


def limit_usd(input: Any) -> Decimal | None:
    """How much a job may cost by the budget in its input, in US dollars; None where it has none.

    >>> limit_usd({"budget": {"usd": "0.50"}})
    Decimal('0.50')
    """
    budget = input.get("budget") if isinstance(input, dict) else None
    said = budget.get("usd") if isinstance(budget, dict) else None
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    try:
        limit = Decimal(str(said))
    except ArithmeticError:
        return None
    return limit if limit.is_finite() and limit > 0 else None


def _line(usage: UsageOfStep, attempt: Attempt | None, step: Step | None, newest: int) -> CostLine:
    done = step is not None and step.status == StepStatus.COMPLETED and step.attempt_id == usage.attempt_id
    kept = done and attempt is not None and attempt.number < newest
    return CostLine(
        usage=usage,
        step=None if step is None else step.name,
        attempt=None if attempt is None else attempt.number,
        attempt_status=None if attempt is None else attempt.status,
        kept=kept,
        wasted=not kept and attempt is not None and _was_in_vain(attempt),
    )


def _was_in_vain(attempt: Attempt) -> bool:
    cut_off = attempt.status == AttemptStatus.INTERRUPTED and attempt.error_code == _INTERRUPTED
    return attempt.status in _IN_VAIN or cut_off


def _sum(used: Iterable[UsageOfStep]) -> Decimal | None:
    known = [one.cost_usd for one in used if one.cost_usd is not None]
    return sum(known, Decimal()) if known else None


def _unpriced(used: Iterable[UsageOfStep]) -> int:
    return sum(one.unpriced_calls for one in used)
