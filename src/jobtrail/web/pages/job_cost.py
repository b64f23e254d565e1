"""What one job cost: line by line, what of it was for nothing, and what did not have to be paid again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from starlette.responses import Response

from jobtrail.core.job_cost import bill, limit_usd
from jobtrail.core.model import Step
from jobtrail.core.spent import Spent
from jobtrail.service import budgets, steps, usage
from jobtrail.web.pages.job_head import AtQuery, job_head
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_ALL_TIMES: Final = datetime.max.replace(tzinfo=UTC)


async def show_job_cost(call: Call, job_id: UUID, query: AtQuery) -> Response:
    """What a job used, by step and model; as of a time, what it had used by then."""
    head = await job_head(call, job_id, query.at)
    used = await call.read(usage.by_step(call.workspace, job_id, head.at or _ALL_TIMES))
    known = await _steps(call, job_id) if head.was is None else head.was.known.steps
    limit = limit_usd(head.job.input)
    told = bill(used, head.attempts, known)
    held = [] if head.past else await call.read(budgets.of_job(call.workspace, job_id))
    return await page(
        call,
        "job/cost.html",
        head.name,
        head=head,
        tab="Cost",
        bill=told,
        limit=limit,
        share=_share(told.own, limit),
        budgets=held,
    )


async def _steps(call: Call, job_id: UUID) -> Sequence[Step]:
    return await call.read(steps.listed(call.workspace, job_id))


def _share(own: Spent, limit: Decimal | None) -> int | None:
    """How much of the budget is used, in percent; None where there is none, or nothing is known."""
    if limit is None or own.cost_usd is None:
        return None
    return round(own.cost_usd / limit * 100)
