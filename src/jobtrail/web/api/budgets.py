"""Routes of budgets: set, list, look, change, clear; those of a job; and what a worker from afar reserves of them."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from jobtrail.core import jsonguard
from jobtrail.core.budget import BudgetStanding, Grant, left_of
from jobtrail.core.budget_terms import (
    MOST_TOKENS,
    OF_JOBS,
    BudgetPeriod,
    BudgetScope,
    Limits,
    OnExceeded,
    checked,
    money,
    subject_of,
)
from jobtrail.core.errors import Invalid
from jobtrail.core.fence import Fence
from jobtrail.service import budgets, jobs, reserving
from jobtrail.service.attempts import Held
from jobtrail.service.budgets import NewBudget
from jobtrail.service.reserving import Permit
from jobtrail.store.query import Steps
from jobtrail.web import cursors
from jobtrail.web.api.attempts import Whose, held
from jobtrail.web.api.job_budgets import Seconds, Tokens, Usd, WarnAt
from jobtrail.web.routing import Page, Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit

_HIDDEN: Final = ("own_hold_usd", "own_hold_tokens", "own_usd", "own_tokens", "gate_form", "period_seconds_left")
_Most = Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)]


class NewBudgetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose attempts it holds, and how much they may use.

    The subject is the id of a job (ATTEMPT, TREE), schedule, task or project, or the name of a type or queue; of WORKSPACE
    there is none. The limits stand for good (TOTAL), or for each month or day of UTC anew. It replaces the budget that this
    scope, subject and period have.
    """

    scope: BudgetScope
    subject: Annotated[str, msgspec.Meta(max_length=255)] = ""
    period: BudgetPeriod = BudgetPeriod.TOTAL
    limit_usd: Usd | None = None
    limit_tokens: _Most | None = None
    limit_seconds: Seconds | None = None
    warn_at: WarnAt = 0.8
    on_exceeded: OnExceeded = OnExceeded.GATE


class BudgetBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """New values; what is left out stays, and a limit of null is taken away."""

    limit_usd: Usd | UnsetType | None = UNSET
    limit_tokens: _Most | UnsetType | None = UNSET
    limit_seconds: Seconds | UnsetType | None = UNSET
    warn_at: WarnAt | None = None
    on_exceeded: OnExceeded | None = None


class BudgetView(msgspec.Struct, frozen=True):
    """How a budget stands in the period that runs. Used: what was booked, by attempts that failed or were lost as well.
    Held: what open attempts reserved beyond that. Left: what the next one can have. A call of unknown price is not zero:
    its attempt counts as what it had reserved. Seconds are counted where they are limited."""

    id: UUID
    label: str
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
    left_usd: Decimal | None
    left_tokens: int | None
    left_seconds: float | None
    share: float
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


class BudgetsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which budgets; those of single jobs only with `jobs`, or when scope or subject are named."""

    scope: BudgetScope | None = None
    subject: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    jobs: bool = False
    limit: Limit = 100
    cursor: Cursor | None = None


class BudgetList(msgspec.Struct, frozen=True):
    """Budgets that hold a job, the narrowest scope first."""

    items: list[BudgetView]


class ReserveBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is about to be used; left out, as much as the job says. `up_to`: less will do."""

    usd: Usd | None = None
    tokens: Tokens | None = None
    up_to: bool = False


class Reserved(msgspec.Struct, frozen=True):
    """What may be used now; null: no budget says. Seconds are those after which to ask again.

    `go_on` false: the attempt has ended, for its job waits or failed; `why` says so.
    """

    go_on: bool
    usd: Decimal | None
    tokens: int | None
    seconds: float | None
    why: str | None


async def set_budget(call: Call, body: NewBudgetBody) -> Reply[BudgetView]:
    """Set a budget. Jobs that wait for it go on if it reaches now."""
    subject = body.subject if not body.subject else jsonguard.check_name(body.subject, "subject")
    wanted = NewBudget(
        scope=body.scope,
        subject=subject_of(body.scope, subject),
        period=_period(body.scope, body.period),
        limits=_limits(body.limit_usd, body.limit_tokens, body.limit_seconds),
        warn_at=body.warn_at,
        on_exceeded=body.on_exceeded,
    )
    done = await call.write(budgets.set_(call.workspace, wanted, call.principal.actor))
    call.runtime.nudger.nudge(done.queues)
    return Reply(
        view(done.budget),
        status=201 if done.is_new else 200,
        headers={"Location": f"{call.prefix}/api/v1/budgets/{done.budget.id}"},
    )


async def list_budgets(call: Call, query: BudgetsQuery) -> Page[BudgetView]:
    """Budgets and how they stand, the oldest first."""
    after = cursors.place(query.cursor, "budgets", UUID)
    found = await call.read(
        budgets.listed(
            call.workspace,
            scope=query.scope,
            subject=query.subject,
            jobs=query.jobs,
            after=after,
            limit=query.limit + 1,
        )
    )
    items = found[: query.limit]
    following = cursors.cursor("budgets", items[-1].id) if len(found) > query.limit else None
    return Page([view(one) for one in items], following)


async def get_budget(call: Call, budget_id: UUID) -> BudgetView:
    """One budget and how it stands."""
    return view(await call.read(budgets.get(call.workspace, budget_id)))


async def change_budget(call: Call, budget_id: UUID, body: BudgetBody) -> BudgetView:
    """Change a budget: raise it, and jobs that wait for it go on."""
    now = await call.read(budgets.get(call.workspace, budget_id))
    wanted = NewBudget(
        scope=now.scope,
        subject=now.subject,
        period=now.period,
        limits=_limits(
            now.limit_usd if body.limit_usd is UNSET else body.limit_usd,
            now.limit_tokens if body.limit_tokens is UNSET else body.limit_tokens,
            now.limit_seconds if body.limit_seconds is UNSET else body.limit_seconds,
        ),
        warn_at=now.warn_at if body.warn_at is None else body.warn_at,
        on_exceeded=body.on_exceeded or now.on_exceeded,
    )
    done = await call.write(budgets.set_(call.workspace, wanted, call.principal.actor))
    call.runtime.nudger.nudge(done.queues)
    return view(done.budget)


async def clear_budget(call: Call, budget_id: UUID) -> None:
    """Remove a budget. Jobs that wait for it go on."""
    queues = await call.write(budgets.clear(call.workspace, budget_id, call.principal.actor))
    call.runtime.nudger.nudge(queues)


async def list_job_budgets(call: Call, job_id: UUID) -> BudgetList:
    """The budgets that hold a job."""
    await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    return BudgetList([view(one) for one in await call.read(budgets.of_job(call.workspace, job_id))])


async def reserve_budget(call: Call, attempt_id: UUID, query: Whose, body: ReserveBody) -> Reserved:
    """Hold money and tokens for what the attempt is about to use."""
    usd = money(body.usd, "usd")

    def work(fence: Fence, _: Held) -> Steps[Permit]:
        return reserving.reserved(fence, usd=usd, tokens=body.tokens, up_to=body.up_to).begin()

    return reserved(await held(call, attempt_id, query, work))


def reserved(permit: Permit) -> Reserved:
    """What came of a reservation, as the API says it."""
    grant: Grant = permit.grant
    why = permit.refused or (f"the job waits: {permit.waits}" if permit.waits is not None else None)
    return Reserved(why is None, grant.usd, grant.tokens, grant.seconds, why)


def view(one: BudgetStanding) -> BudgetView:
    """A budget as the API shows it."""
    said: dict[str, Any] = {
        each.name: _plain(getattr(one, each.name)) for each in fields(one) if each.name not in _HIDDEN
    }
    left = left_of(one)
    if one.limit_seconds is None:
        said["used_seconds"] = 0.0  # time passes for all who look; it is told where it counts
    return BudgetView(
        label=one.label,
        share=one.share,
        left_usd=_plain(left.usd),
        left_tokens=left.tokens,
        left_seconds=left.seconds,
        **said,
    )


def _plain(value: Any) -> Any:
    """Money without the zeros of its column."""
    return Decimal(f"{value.normalize():f}") if isinstance(value, Decimal) else value


def _limits(usd: Decimal | None, tokens: int | None, seconds: float | None) -> Limits:
    return checked(Limits(usd=money(usd, "limit_usd"), tokens=tokens, seconds=seconds))


def _period(scope: BudgetScope, period: BudgetPeriod) -> BudgetPeriod:
    if scope in OF_JOBS and period is not BudgetPeriod.TOTAL:
        raise Invalid("the budget of a job stands for good", fields={"period": "must be TOTAL"})
    return period
