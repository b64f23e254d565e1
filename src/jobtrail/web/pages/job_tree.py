"""The tree below a job, its own cost and that of all of it, and what waits for what."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from starlette.responses import Response

from jobtrail.core.graph import drawn
from jobtrail.service import dependencies
from jobtrail.web.pages.job_head import AtQuery, job_head
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_SHOWN: Final = 300


async def show_job_tree(call: Call, job_id: UUID, query: AtQuery) -> Response:
    """The jobs below a job, level by level, those nearest to it first; always as they are now."""
    head = await job_head(call, job_id, query.at)
    branches, total = await call.read(dependencies.whole(call.workspace, job_id, _SHOWN))
    known = await call.read(dependencies.listed(call.workspace, job_id, _SHOWN))
    return await page(
        call,
        "job/tree.html",
        head.name,
        head=head,
        tab="Tree",
        branches=[(branch.depth, branch) for _, branch in drawn(branches)],
        own=branches[0],
        total=total,
        more=total.jobs > len(branches),
        needs=[one for one in known if not one.is_child],
    )
