"""Verbs on budgets: set, show, clear, and let those that wait go on. What attempts reserve of them is said elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core import budget
from jobtrail.core.budget import BudgetStanding, Verdict, Waiter
from jobtrail.core.budget_terms import BudgetPeriod, BudgetScope, Limits, OnExceeded
from jobtrail.core.errors import NotFound
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, GateStatus
from jobtrail.service import administration, gates
from jobtrail.store import query
from jobtrail.store.identity import new_id
from jobtrail.store.query import Query, Steps, ask, atomic, flow

SYSTEM: Final = Actor(ActorType.SYSTEM, "budgets")
_MOST_WAITERS: Final = 500
_LOWEST: Final = UUID(int=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBudget:
    """What a budget is to be. The subject is an id, or the name of a type or queue; of a workspace there is none."""

    scope: BudgetScope
    subject: str
    limits: Limits
    period: BudgetPeriod = BudgetPeriod.TOTAL
    warn_at: float = 0.8
    on_exceeded: OnExceeded = OnExceeded.GATE


@dataclass(frozen=True, slots=True)
class BudgetSet:
    """How a budget stands after it was set, and in which queues jobs went on."""

    budget: BudgetStanding
    is_new: bool
    queues: list[str]


def current(workspace: UUID, ids: Sequence[UUID], attempt_id: UUID | None = None) -> Steps[list[BudgetStanding]]:
    """Budgets that are held, with all that has happened since they were looked at last."""
    yield from ask(Query("verbs/settle_budgets", (workspace, list(ids)), query.nothing))
    found = yield from ask(standing(workspace, ids, attempt_id))
    answered = [one for one in found if one.gate_id is not None and one.gate_status != GateStatus.WAITING]
    for one in answered:
        approved, rejected = one.gate_status == GateStatus.APPROVED, one.gate_status == GateStatus.REJECTED
        limits = (
            budget.limits_of(one) if not approved else budget.raised(one, msgspec.json.decode(one.gate_form or "null"))
        )
        params = (workspace, one.id, limits.usd, limits.tokens, limits.seconds, rejected, approved)
        yield from ask(Query("verbs/answer_budget", params, query.nothing))
    return (yield from ask(standing(workspace, ids, attempt_id))) if answered else found


@atomic
def set_(workspace: UUID, wanted: NewBudget, actor: Actor) -> Steps[BudgetSet]:
    """Makes a budget, or changes the one of its scope, subject and period; who waits for it goes on if it fits now.

    A question for more that waits is answered by it. Raises NotFound when there is no such job, task or project.
    """
    known = yield from ask(
        Query("reads/budget_named", (workspace, wanted.scope, wanted.subject, wanted.period), query.scalar)
    )
    waiters: list[Waiter] = []
    limits, answered = wanted.limits, None
    if known is not None:
        answered = yield from _answered(workspace, known, actor, limits)
        waiters = yield from ask(_waiters(workspace, known))
    owner = (
        None if wanted.scope in (BudgetScope.TYPE, BudgetScope.QUEUE, BudgetScope.WORKSPACE) else UUID(wanted.subject)
    )
    params = (
        workspace,
        new_id(),
        wanted.scope,
        wanted.subject,
        wanted.period,
        limits.usd,
        limits.tokens,
        limits.seconds,
        wanted.warn_at,
        wanted.on_exceeded,
        owner,
        f"{actor.type}:{actor.id}",
        answered,
    )
    row = yield from ask(Query("verbs/set_budget", params, query.one))
    if row is None:
        raise NotFound(f"there is no {wanted.scope.lower()} {wanted.subject} in this workspace")
    if row[1]:
        yield from ask(Query("verbs/found_budget", (workspace, row[0]), query.nothing))
    amounts = {"usd": limits.usd, "tokens": limits.tokens, "seconds": limits.seconds}
    said = {name: str(most) for name, most in amounts.items() if most is not None}
    yield from ask(_told(workspace, "set", row[0], actor, wanted.scope, wanted.subject, wanted.period, said))
    queues = yield from _go_on(workspace, row[0], waiters, actor)
    [stands] = yield from ask(standing(workspace, [row[0]]))
    return BudgetSet(stands, row[1], queues)


@atomic
def clear(workspace: UUID, budget_id: UUID, actor: Actor) -> Steps[list[str]]:
    """Removes a budget; who waits for it goes on. Answers in which queues. Raises NotFound."""
    yield from _answered(workspace, budget_id, actor)
    waiters = yield from ask(_waiters(workspace, budget_id))
    gone = yield from ask(Query("verbs/remove_budget", (workspace, budget_id), query.one))
    if gone is None:
        raise NotFound(f"there is no budget {budget_id} in this workspace")
    yield from ask(_told(workspace, "cleared", budget_id, actor, *gone))
    return (yield from _resume(workspace, budget_id, [one.job_id for one in waiters], actor))


def _told(
    workspace: UUID,
    what: str,
    budget_id: UUID,
    actor: Actor,
    scope: str,
    subject: str,
    period: str,
    limits: Mapping[str, str] | None = None,
) -> Query[None]:
    """A line of the record of administration: how much may be spent is a matter of who says so."""
    said = {"scope": scope, "subject": subject, "period": period, **(limits or {})}
    return administration.tell(workspace, f"budget.{what}", actor, "budget", str(budget_id), said)


def _answered(workspace: UUID, budget_id: UUID, actor: Actor, given: Limits | None = None) -> Steps[UUID | None]:
    """The question for more, if one waits, is answered by what the actor does; answers at which gate it was asked."""
    for one in (yield from ask(standing(workspace, [budget_id]))):
        if one.gate_id is None or one.gate_status != GateStatus.WAITING:
            continue
        named = budget.answer(one, given or budget.limits_of(one))
        form, said = msgspec.json.encode(named).decode(), "answered by what the budget is now"
        decide = gates.decide(workspace, one.gate_id, actor, approve=True, comment=said, form=form, as_owner=True)
        yield from decide.begin()
        return one.gate_id
    return None


def _answers_itself(workspace: UUID, budget_id: UUID) -> Steps[None]:
    """A question for more is answered where the budget reaches by now: it was raised, or its period turned."""
    asker = yield from ask(Query("reads/budget_asker", (workspace, budget_id), query.one))
    if asker is None:
        return
    _, usd, tokens = asker
    for one in (yield from ask(standing(workspace, [budget_id]))):
        if budget.weigh(one, usd or None, tokens or None).verdict is Verdict.FITS:
            yield from _answered(workspace, budget_id, SYSTEM)


@atomic
def stir(workspace: UUID, budget_id: UUID) -> Steps[list[str]]:
    """Lets jobs that wait for a budget go on, as far as it reaches by now; answers in which queues."""
    yield from _answers_itself(workspace, budget_id)
    waiters = yield from ask(_waiters(workspace, budget_id))
    return (yield from _go_on(workspace, budget_id, waiters, SYSTEM))


def _go_on(workspace: UUID, budget_id: UUID, waiters: Sequence[Waiter], actor: Actor) -> Steps[list[str]]:
    """The jobs of the waiters are held already: whoever holds a budget waits for no job."""
    if (yield from ask(Query("verbs/hold_budget", (workspace, budget_id), query.scalar))) is None:
        return (yield from _resume(workspace, budget_id, [one.job_id for one in waiters], actor))
    [one] = yield from current(workspace, [budget_id])
    return (yield from _resume(workspace, budget_id, budget.awake(one, waiters), actor))


def _resume(workspace: UUID, budget_id: UUID, job_ids: Sequence[UUID], actor: Actor) -> Steps[list[str]]:
    if not job_ids:
        return []
    params = (workspace, list(job_ids), budget_id, actor.type, actor.id)
    return (yield from ask(Query("verbs/resume_budgeted", params, _texts)))


def _waiters(workspace: UUID, budget_id: UUID) -> Query[list[Waiter]]:
    params = (workspace, budget_id, _MOST_WAITERS)
    return Query("verbs/hold_budget_waiters", params, lambda rows: [Waiter(*row) for row in rows])


@flow
def stop_running(workspace: UUID, budget_id: UUID) -> Steps[int]:
    """Has those that run under a budget cancelled, if it is spent and stops them; answers how many were told."""
    for one in (yield from ask(standing(workspace, [budget_id]))):
        if one.on_exceeded == OnExceeded.STOP and one.share >= 1:
            why = f"the {one.label} is spent: {budget.in_words(one)}"
            return (yield from ask(Query("verbs/stop_budgeted", (workspace, budget_id, why), query.count)))
    return 0


def stirring(limit: int = 200) -> Query[list[tuple[UUID, UUID]]]:
    """Budgets of all workspaces that jobs wait for, or that stop those that run."""
    return Query("reads/stirring_budgets", (limit,), lambda rows: [(row[0], row[1]) for row in rows])


def forget_waits() -> Query[None]:
    """Forgets who waits no more."""
    return Query("verbs/forget_budget_waits", (), query.nothing)


def standing(workspace: UUID, ids: Sequence[UUID], attempt_id: UUID | None = None) -> Query[list[BudgetStanding]]:
    """How budgets stand; those that are not there are left out."""
    return Query("reads/budgets", (workspace, list(ids), attempt_id), query.many_of(BudgetStanding))


@flow
def get(workspace: UUID, budget_id: UUID) -> Steps[BudgetStanding]:
    """How one budget stands. Raises NotFound."""
    for one in (yield from ask(standing(workspace, [budget_id]))):
        return one
    raise NotFound(f"there is no budget {budget_id} in this workspace")


@flow
def listed(
    workspace: UUID,
    *,
    scope: BudgetScope | None = None,
    subject: str | None = None,
    jobs: bool = False,
    after: UUID | None = None,
    limit: int = 100,
) -> Steps[list[BudgetStanding]]:
    """Budgets after one, the oldest first; those of single jobs only with `jobs`, or when scope or subject are named."""
    params = (workspace, after or _LOWEST, scope, subject, jobs, limit)
    found = yield from ask(Query("reads/find_budgets", params, ids))
    return (yield from ask(standing(workspace, found)))


@flow
def of_job(workspace: UUID, job_id: UUID) -> Steps[list[BudgetStanding]]:
    """The budgets that hold a job, the narrowest scope first."""
    order = yield from ask(Query("reads/budgets_of_job", (workspace, job_id), ids))
    found = yield from ask(standing(workspace, order))
    return sorted(found, key=lambda one: order.index(one.id))


def ids(rows: list[query.Row]) -> list[UUID]:
    """Of statements that answer the ids of budgets."""
    return [row[0] for row in rows]


def _texts(rows: list[query.Row]) -> list[str]:
    return [row[0] for row in rows]
