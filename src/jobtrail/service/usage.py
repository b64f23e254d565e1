"""Verbs on usage, the ledger of tokens and money, and on metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal
from uuid import UUID

from jobtrail.core.fence import Fence
from jobtrail.core.figures import CostOfType, DearJob, UsageOfDay, Waste
from jobtrail.core.job_cost import UsageOfStep
from jobtrail.core.model import Usage, UsageTotal
from jobtrail.core.spent import Spent, UsageSummary
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

UsageKey = Literal["model", "provider", "day", "job", "type", "queue", "task", "project", "tag"]
"""By what usage is summed."""
_OF_JOBS: Final = ("type", "queue", "tag")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Tokens and money of one call of a model. `cost_usd` None: the price is unknown, which is not zero."""

    provider: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: Decimal | None = None
    price_source: str | None = None


def book(fence: Fence, number: int, call: Call, step_id: UUID | None = None) -> Query[UUID | None]:
    """Books one call under its number in the attempt, so that a repeated booking counts once; None when stale."""
    params = (
        *fence.named,
        number,
        step_id,
        call.provider,
        call.model,
        call.input_tokens,
        call.output_tokens,
        call.cached_tokens,
        call.reasoning_tokens,
        call.cost_usd,
        call.price_source,
        str(fence.worker_id),
    )
    return Query("verbs/use", params, query.scalar)


def listed(workspace: UUID, job_id: UUID) -> Query[list[Usage]]:
    """What a job used, call by call."""
    return Query("reads/usage", (workspace, job_id), query.many_of(Usage))


def by_step(workspace: UUID, job_id: UUID, until: datetime, limit: int = 2_000) -> Query[list[UsageOfStep]]:
    """What a job used until then, summed by attempt, step and model, in the order of the first call."""
    return Query("reads/usage_by_step", (workspace, job_id, until, limit), query.many_of(UsageOfStep))


def totals(
    workspace: UUID, since: datetime, until: datetime, by: UsageKey = "model", limit: int = 1_000
) -> Query[list[UsageTotal]]:
    """What was used from `since` on, before `until`, summed by a key; the dearest first."""
    params = (workspace, since, until, by.upper(), limit)
    if by in _OF_JOBS:
        return Query("reads/usage_by_job", params, query.many_of(UsageTotal))
    return Query("reads/usage_by_model", params, query.many_of(UsageTotal))


def total(workspace: UUID, since: datetime, until: datetime) -> Query[Spent]:
    """What was used from `since` on, before `until`, all together."""
    return Query("reads/usage_in", (workspace, since, until), _spent)


@flow
def summary(workspace: UUID, since: datetime, until: datetime, by: UsageKey = "model") -> Steps[UsageSummary]:
    """What was used from `since` on, before `until`: the 1 000 dearest keys, and all together."""
    items = yield from ask(totals(workspace, since, until, by))
    return UsageSummary(items, (yield from ask(total(workspace, since, until))))


def of(workspace: UUID, what: Literal["job", "task", "project"], id: UUID) -> Query[Spent]:
    """What a job, or all jobs of a task or a project, used; failed attempts count."""
    return Query("reads/usage_of", (workspace, what.upper(), id), _spent)


def days(workspace: UUID, since: datetime, until: datetime, models: int = 6) -> Query[list[UsageOfDay]]:
    """What was used day by day (in UTC) of the dearest models, and of all others together; the first day first."""
    return Query("reads/usage_days", (workspace, since, until, models), query.many_of(UsageOfDay))


def dearest(workspace: UUID, since: datetime, until: datetime, limit: int = 20) -> Query[list[DearJob]]:
    """The jobs that used most money from `since` on, before `until`."""
    return Query("reads/dearest_jobs", (workspace, since, until, limit), query.many_of(DearJob))


def by_type(workspace: UUID, since: datetime, until: datetime, limit: int = 100) -> Query[list[CostOfType]]:
    """What the jobs of each type used from `since` on, before `until`, and what one of them costs; the dearest first."""
    return Query("reads/cost_by_type", (workspace, since, until, limit), query.many_of(CostOfType))


def waste(workspace: UUID, since: datetime, until: datetime) -> Query[Waste]:
    """What calls from `since` on, before `until`, cost for nothing, and what later attempts did not pay again."""
    return Query("reads/waste", (workspace, since, until), _waste)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measured value, of a job's attempt or of the worker itself."""

    workspace_id: UUID
    type: str
    name: str
    value: float
    unit: str | None = None
    job_id: UUID | None = None
    attempt_id: UUID | None = None
    queue: str | None = None


def measure(worker_id: UUID, values: Sequence[Measured]) -> Query[None]:
    """Stores measured values."""
    params = (
        [m.workspace_id for m in values],
        [m.job_id for m in values],
        worker_id,
        [m.attempt_id for m in values],
        [m.value for m in values],
        [m.type for m in values],
        [m.name for m in values],
        [m.unit for m in values],
        [m.queue for m in values],
    )
    return Query("verbs/measure", params, query.nothing)


def _spent(rows: list[query.Row]) -> Spent:
    return Spent(*rows[0])


def _waste(rows: list[query.Row]) -> Waste:
    return Waste(*rows[0])
