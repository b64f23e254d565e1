"""Routes of what hangs on a job: its steps, attempts, events, usage and result."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from jobtrail.core.errors import NotFound
from jobtrail.core.model import Attempt, Job, Result, Step, Usage
from jobtrail.service import attempts, jobs, steps, trail, usage
from jobtrail.web import cursors
from jobtrail.web.routing import Page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, EventView, event_view


class StepList(msgspec.Struct, frozen=True):
    """The steps of a job, in their order."""

    items: list[Step]


class AttemptList(msgspec.Struct, frozen=True):
    """The attempts of a job, oldest first."""

    items: list[Attempt]


class UsageList(msgspec.Struct, frozen=True):
    """What a job used, in order. A cost of null is unknown, not zero."""

    items: list[Usage]


class EventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2_147_483_647, description="Only events with a higher seq.")] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 100
    cursor: Cursor | None = None


async def list_steps(call: Call, job_id: UUID) -> StepList:
    """The steps of a job."""
    await _job(call, job_id)
    return StepList(await call.read(steps.listed(call.workspace, job_id)))


async def list_attempts(call: Call, job_id: UUID) -> AttemptList:
    """The attempts of a job."""
    await _job(call, job_id)
    return AttemptList(await call.read(attempts.listed(call.workspace, job_id)))


async def list_events(call: Call, job_id: UUID, query: EventsQuery) -> Page[EventView]:
    """The trail of a job, in order."""
    await _job(call, job_id)
    after = cursors.place(query.cursor, "events", int) or query.after
    wanted = trail.events(call.workspace, job_id, after=min(max(after, 0), 2_147_483_647), limit=query.limit + 1)
    found = await call.read(wanted)
    items = [event_view(event) for event in found[: query.limit]]
    return Page(items, cursors.cursor("events", items[-1].seq) if len(found) > query.limit else None)


async def list_usage(call: Call, job_id: UUID) -> UsageList:
    """Tokens and money that a job used, call by call."""
    await _job(call, job_id)
    return UsageList(await call.read(usage.listed(call.workspace, job_id)))


async def get_result(call: Call, job_id: UUID) -> Result:
    """What the newest generation of a job made; 404 while it has made nothing."""
    await _job(call, job_id)
    found = await call.read(jobs.result(call.workspace, job_id))
    if found is None:
        raise NotFound(f"job {job_id} has no result yet")
    return found


async def _job(call: Call, job_id: UUID) -> Job:
    return await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
