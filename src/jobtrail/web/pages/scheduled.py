"""What waits for its time: jobs that are to start later, to be tried again, or to go on when a quota is back."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core.errors import Invalid
from jobtrail.service import scheduled
from jobtrail.service.scheduled import Due
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Time

_PAGE: Final = 50


class ScheduledQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where the list goes on: after a time and a job."""

    after: Time | None = None
    job: UUID | None = None


async def show_scheduled(call: Call, query: ScheduledQuery) -> Response:
    """Jobs that wait for a time, the next first."""
    if (query.after is None) != (query.job is None):
        raise Invalid("after and job go together", fields={"job": "say both, or none"})
    after = None if query.after is None or query.job is None else Due(query.after, query.job)
    jobs = await call.read(scheduled.listed(call.workspace, after=after, limit=_PAGE + 1))
    last = jobs[_PAGE - 1] if len(jobs) > _PAGE else None
    older = None if last is None else (said(last.due_at), last.id)
    return await page(call, "scheduled.html", "Scheduled", jobs=jobs[:_PAGE], query=query, older=older)


def said(at: datetime) -> str:
    """A time to the microsecond, as a cursor needs it."""
    return at.isoformat().replace("+00:00", "Z")
