"""Queues: what waits in each, who serves it, how it went; and one queue with its charts, its workers and who waits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response

from jobtrail.core.errors import NotFound
from jobtrail.core.filter import Filter
from jobtrail.core.jsonguard import check_name
from jobtrail.core.limits import LimitScope, rate_text
from jobtrail.core.scopes import ApiScope
from jobtrail.core.status import JobStatus
from jobtrail.service import breakers, jobs, limits, queues
from jobtrail.web.pages import minutes
from jobtrail.web.pages.page import Frame, page, regions
from jobtrail.web.pages.searching import search
from jobtrail.web.pages.shared import known_workers, shared
from jobtrail.web.pages.spans import WINDOWS, Window, span
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name

_SHOWN = 20


class QueuePageQuery(msgspec.Struct, frozen=True):
    """The charts of which time."""

    window: Window = "1h"


async def show_queues(call: Call) -> Response:
    """All queues."""
    found = await shared(call, "queues", queues.figures(call.workspace, datetime.now(UTC)))
    return await page(call, "queues.html", "Queues", found=found, CAP=queues.CAP)


async def show_queue(call: Call, queue: Name, query: QueuePageQuery) -> Response:
    """One queue. A queue that nobody ever used is not found."""
    call.principal.require(ApiScope.JOBS_READ)
    name = check_name(queue, "queue")
    now = datetime.now(UTC)
    figures = await shared(call, "queues", queues.figures(call.workspace, now))
    one = next((each for each in figures if each.queue == name), None)
    if one is None:
        raise NotFound(f"there is no queue {name!r} in this workspace: nothing was ever put into it")
    window = span(query.window, now)
    asked = set(regions(call))
    found = []
    if not asked or "charts" in asked:
        work = queues.parts(call.workspace, name, window.since, window.until, window.seconds)
        found = await shared(call, ("queue", name, query.window), work, 5.0)
    url = Frame(prefix=call.prefix, path="", principal=call.principal).url
    waiting = jobs.listed(
        call.workspace, Filter(statuses=(JobStatus.QUEUED,), queues=(name,)), limit=_SHOWN, inputs=False
    )
    alive = await known_workers(call)
    return await page(
        call,
        "queue.html",
        name,
        queue=one,
        **await _limiting(call, name),
        query=query,
        windows=WINDOWS,
        CAP=queues.CAP,
        charts=(
            minutes.depth(found, window, url, name),
            minutes.moves(found, window, url, name),
            minutes.waits(found, window, url, name),
        ),
        waiting=await shared(call, ("waiting", name), waiting),
        held=await shared(call, ("held", name), breakers.holding(call.workspace, name)),
        workers=[each for each in alive if name in each.queues and each.stopped_at is None and each.leased],
        search=search,
    )


async def _limiting(call: Call, name: str) -> dict[str, Any]:
    """What limits a queue, and the concurrency keys of which jobs of it run."""
    found = await shared(call, "limits", limits.listed(call.workspace))
    return {
        "limits": [one for one in found if one.scope != LimitScope.QUEUE or one.name == name],
        "keys": await shared(call, ("keys", name), limits.keys(call.workspace, name), 2.0),
        "rate_text": rate_text,
    }
