"""Routes of bulk operations: an action on all jobs that a filter lets through, done by a job of its own."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core.bulk import QUEUE, Action, Order
from jobtrail.core.errors import Invalid
from jobtrail.core.scopes import ApiScope
from jobtrail.service import bulk
from jobtrail.store.identity import new_id
from jobtrail.web.api.job_lists import JobFilter, filter_of
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Priority, Reason

_NEEDS: Final = {
    Action.CANCEL: ApiScope.JOBS_CANCEL,
    Action.RETRY: ApiScope.JOBS_RETRY,
    Action.RERUN: ApiScope.JOBS_RERUN,
    Action.PRIORITIZE: ApiScope.JOBS_UPDATE,
    Action.REDRIVE: ApiScope.JOBS_RETRY,
    Action.START_NOW: ApiScope.JOBS_UPDATE,
}


class BulkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to do with which jobs. An empty filter means all, and must be said: `all` true."""

    action: Action
    filter: JobFilter = msgspec.field(default_factory=JobFilter)
    all: bool = False
    priority: Priority | None = None
    reason: Reason | None = None
    rate_per_minute: (
        Annotated[float, msgspec.Meta(ge=0.01, le=1_000_000, description="At most so many jobs a minute, in waves.")]
        | None
    ) = None
    dry_run: Annotated[bool, msgspec.Meta(description="Only count what would be touched.")] = False


class BulkAnswer(msgspec.Struct, frozen=True):
    """How many jobs match now, and how many of them the action changes; `capped`: there may be more. `job_id`: the job
    that does it, whose result is the account; null after a dry run."""

    job_id: UUID | None
    matching: int
    changing: int
    capped: bool


async def run_bulk(call: Call, body: BulkBody) -> Reply[BulkAnswer]:
    """Act on all jobs that match a filter. It is done by a job of its own, whose result is the account."""
    call.principal.require(_NEEDS[body.action])
    filter = filter_of(body.filter)
    if not filter.asks_for and not body.all:
        raise Invalid(
            "this filter lets all jobs through; say `all` if that is meant", fields={"all": "the filter is empty"}
        )
    order = Order(action=body.action, filter=filter, priority=body.priority, reason=body.reason,
                  rate_per_minute=body.rate_per_minute)  # fmt: skip
    counted = await call.read(bulk.count(call.workspace, order))
    answer = BulkAnswer(None, counted.matching, counted.changing, counted.capped)
    if body.dry_run:
        return Reply(answer, status=200)
    job_id = await call.write(bulk.enqueue(call.workspace, new_id(), order, call.principal.actor), QUEUE)
    place = f"{call.prefix}/api/v1/jobs/{job_id}"
    return Reply(msgspec.structs.replace(answer, job_id=job_id), headers={"Location": place})
