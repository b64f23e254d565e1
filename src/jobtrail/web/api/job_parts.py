"""Routes of what hangs on a job: its steps, attempts, events, log, usage and result."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import NotFound
from jobtrail.core.loglines import LogLine, lines_of
from jobtrail.core.model import Attempt, Job, Result, Step, Usage
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.service import attempts, jobs, logs, steps, trail, usage
from jobtrail.web import cursors
from jobtrail.web.routing import Page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, EventView, event_view

_CHUNKS: Final = 20
_MOST_LOOKED_AT: Final = 50
"""How many pages of chunks one request may look through for lines that fit."""


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


class LogsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines."""

    from_line: Annotated[int, msgspec.Meta(ge=1, le=2**53, description="The first line; lines count from 1.")] = 1
    level: list[LogLevel] | None = None
    source: list[LogSource] | None = None
    text: (
        Annotated[str, msgspec.Meta(max_length=200, description="Only lines that contain this, in any case.")] | None
    ) = None
    attempt_id: UUID | None = None
    step_id: UUID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 200
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


async def list_logs(call: Call, job_id: UUID, query: LogsQuery) -> Page[LogLine]:
    """The lines that a job printed or wrote, in order.

    A page may hold fewer lines than asked for, even none, and still have a `next_cursor`: the look stopped in between.
    """
    await _job(call, job_id)
    at = min(max(cursors.place(query.cursor, "logs", int) or query.from_line, 1), 2**53)
    found: list[LogLine] = []
    for _ in range(_MOST_LOOKED_AT):
        chunks = await call.read(
            logs.read(
                call.workspace,
                job_id,
                from_line=at,
                attempt_id=query.attempt_id,
                step_id=query.step_id,
                levels=None if not query.level else tuple(query.level),
                chunks=_CHUNKS,
            )
        )
        if not chunks:
            return Page(found, None)
        for line in (line for chunk in chunks for line in lines_of(chunk) if line.number >= at):
            if len(found) == query.limit:
                return Page(found, cursors.cursor("logs", line.number))
            if _fits(line, query):
                found.append(line)
        at = chunks[-1].first_line + chunks[-1].lines
        if len(chunks) < _CHUNKS:
            return Page(found, None)
    return Page(found, cursors.cursor("logs", at))


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


def _fits(line: LogLine, query: LogsQuery) -> bool:
    if query.level and line.level not in query.level:
        return False
    if query.source and line.source not in query.source:
        return False
    return query.text is None or query.text.casefold() in line.message.casefold()
