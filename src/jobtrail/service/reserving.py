"""Verbs of an attempt on the budgets that hold it: reserve before it spends, and book what it spent.

Who reserves holds first the job of its attempt, then the budgets in the order of their ids; what is left is read by a later
statement. So nothing is given twice, and a hold ends with its attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from jobtrail.core import budget, jsonguard
from jobtrail.core.budget import BudgetStanding, Grant, Verdict, Weighed
from jobtrail.core.budget_terms import OF_JOBS
from jobtrail.core.errors import StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.status import Phase, StepStatus, StepType, WaitReason
from jobtrail.service import attempts, budgets, gates, steps, trail, usage
from jobtrail.service.attempts import Failed
from jobtrail.store import query
from jobtrail.store.identity import new_id
from jobtrail.store.query import Query, Steps, ask, atomic

BUDGET: Final = "budget_exceeded"
_WHO_SETS_BUDGETS: Final = ("role:ADMIN",)
"""A yes raises the budget: who may not set one may not say it. That of a job is whosever the job is."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether an attempt goes on. `waits`: its job waits, at this gate or for this budget, and the attempt has ended.
    `refused`: why it must fail; it is still open."""

    grant: Grant = field(default_factory=Grant)
    waits: UUID | None = None
    refused: str | None = None


class _Job(NamedTuple):
    """The job of an attempt that reserves."""

    reserve_usd: Decimal | None
    reserve_tokens: int | None
    cancel: bool
    passed: list[UUID]
    failed: list[UUID]


@atomic
def reserve(
    fence: Fence, *, usd: Decimal | None = None, tokens: int | None = None, up_to: bool = False, look: bool = False
) -> Steps[Permit]:
    """Holds so much for what an attempt is about to use, or lets its job wait, ask, or fail.

    None: as much as its job says (`reserve`), else a tenth of each limit. `up_to`: less will do; and where neither says how
    much, it is all that is left of a budget of the job's own. `look`: nothing more is held, and only its time may be over.
    Raises StaleAttempt.
    """
    job = yield from _job(fence)
    if job.cancel:
        return Permit()  # it is told to stop soon, and must not wait instead
    yield from _close_questions(fence, job)
    found = yield from _standing(fence)
    if not found:
        return Permit()
    usd = usd if usd is not None else job.reserve_usd
    tokens = tokens if tokens is not None else job.reserve_tokens
    own = str(fence.job_id)
    weighed = [
        (one, budget.weigh(one, usd, tokens, up_to=up_to, whole=up_to and one.subject == own, look=look))
        for one in found
    ]
    for verdict in (Verdict.SPENT, Verdict.WAITS):
        for one, wish in weighed:
            if wish.verdict is verdict:
                return (yield from _held_up(fence, one, wish))
    yield from _hold(fence, weighed)
    yield from _tell(fence, found)
    return Permit(budget.granted(weighed))


@atomic
def use(fence: Fence, number: int, call: usage.Call, step_id: UUID | None = None) -> Steps[bool | None]:
    """Books one call, as `usage.book`, and holds more where the attempt used more than it had reserved.

    Answers None when the attempt is stale, True when it used more than its budgets leave: then `reserve` before more.
    """
    if (yield from ask(usage.book(fence, number, call, step_id))) is None:
        return None
    found = yield from _standing(fence)
    if not found:
        return False
    job = yield from _job(fence)
    grown = [(one, *budget.extended(one, job.reserve_usd, job.reserve_tokens)) for one in found]
    yield from _hold(fence, [(one, wish) for one, wish, _ in grown])
    yield from _tell(fence, found)
    return any(over for _, _, over in grown)


@atomic
def reserved(
    fence: Fence, *, usd: Decimal | None = None, tokens: int | None = None, up_to: bool = False
) -> Steps[Permit]:
    """Like `reserve`, for a worker that is elsewhere: an attempt that gets nothing ends here, its job FAILED or waiting."""
    permit = yield from reserve(fence, usd=usd, tokens=tokens, up_to=up_to).begin()
    if permit.refused is not None:
        yield from attempts.fail(Failed(fence, BUDGET, permit.refused)).begin()
    return permit


@atomic
def used(fence: Fence, number: int, call: usage.Call, step_id: UUID | None = None) -> Steps[None]:
    """Like `use`, for a worker that is elsewhere: where too little is left, its attempt ends here."""
    if (yield from use(fence, number, call, step_id).begin()):
        yield from reserved(fence).begin()


def _job(fence: Fence) -> Steps[_Job]:
    row = yield from ask(Query("verbs/hold_budgeted", fence.named, query.one))
    if row is None:
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} is no longer open; stop its processes")
    return _Job(*row)


def _close_questions(fence: Fence, job: _Job) -> Steps[None]:
    """The steps at which an earlier attempt asked end with what was decided."""
    for ended, status in ((job.passed, StepStatus.COMPLETED), (job.failed, StepStatus.FAILED)):
        for step_id in ended:
            yield from ask(steps.finish(fence, step_id, status))


def _standing(fence: Fence) -> Steps[list[BudgetStanding]]:
    """How the budgets stand that hold an attempt; they are held from now on."""
    ids = yield from ask(Query("verbs/hold_budgets", (fence.workspace_id, fence.job_id), budgets.ids))
    return (yield from budgets.current(fence.workspace_id, ids, fence.attempt_id)) if ids else []


def _hold(fence: Fence, wishes: Sequence[tuple[BudgetStanding, Weighed]]) -> Steps[None]:
    params = (
        *fence.named,
        [one.id for one, _ in wishes],
        [(one.own_usd or Decimal(0)) + wish.usd for one, wish in wishes],
        [(one.own_tokens or 0) + wish.tokens for one, wish in wishes],
    )
    yield from ask(Query("verbs/reserve", params, query.nothing))


def _tell(fence: Fence, found: Sequence[BudgetStanding], spent: UUID | None = None) -> Steps[None]:
    """Says once in a period that a budget is nearly spent, and that it is."""
    warned = [one for one in found if one.warned_at is None and one.share >= one.warn_at]
    exceeded = [one for one in found if one.exceeded_at is None and (one.share >= 1 or one.id == spent)]
    if not warned and not exceeded:
        return
    for event, ones in (("budget.warned", warned), ("budget.exceeded", exceeded)):
        for one in ones:
            yield from ask(trail.tell(fence, event, trail.note_of(budget.note(one))))
    params = (fence.workspace_id, [one.id for one in warned], [one.id for one in exceeded])
    yield from ask(Query("verbs/mark_budgets", params, query.nothing))


def _held_up(fence: Fence, one: BudgetStanding, wish: Weighed) -> Steps[Permit]:
    """What becomes of an attempt that gets nothing: its job fails, asks for more, or waits."""
    spent = wish.verdict is Verdict.SPENT
    yield from _tell(fence, [one], one.id if spent else None)
    if spent and budget.ends(one):
        refused = ", and people did not raise it" if one.refused_at is not None else ""
        return Permit(refused=f"the {one.label} is spent: {budget.in_words(one)}{refused}")
    left = None if one.period_seconds_left is None else timedelta(seconds=max(one.period_seconds_left, 0.001))
    params = (fence.workspace_id, fence.job_id, fence.attempt_id, one.id, wish.usd, wish.tokens)
    if spent and one.gate_id is None:
        asked = yield from _ask_for_more(fence, one, left)
        yield from ask(Query("verbs/await_budget", params, query.nothing))
        return Permit(waits=asked)
    note = trail.note_of({"budget_id": str(one.id), "gate_id": one.gate_id, "message": budget.waiting_for(one)})
    yield from attempts.suspend(fence, "job.waiting", WaitReason.BUDGET, left, note).begin()
    yield from ask(Query("verbs/await_budget", params, query.nothing))
    return Permit(waits=one.id)


def _ask_for_more(fence: Fence, one: BudgetStanding, left: timedelta | None) -> Steps[UUID]:
    step_id, gate_id = new_id(), new_id()
    words = budget.question(one)
    name = jsonguard.clean_text(words, max_bytes=jsonguard.MAX_NAME_BYTES)
    yield from ask(steps.begin(fence, step_id, f"budget:{gate_id}", name, Phase.EXECUTION, StepType.GATE))
    form = msgspec.json.encode(budget.form(one)).decode()
    approvers = () if one.scope in OF_JOBS else _WHO_SETS_BUDGETS
    asked = yield from gates.request(
        fence, step_id, gate_id, words, approvers=approvers, form=form, expires=left
    ).begin()
    yield from ask(Query("verbs/ask_for_budget", (fence.workspace_id, one.id, asked), query.nothing))
    return asked
