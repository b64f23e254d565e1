"""The page of one job: its timeline, its events, and the short address that finds it in any workspace of its reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal
from urllib.parse import quote
from uuid import UUID

import msgspec
from starlette.responses import RedirectResponse, Response

from jobtrail.core import said
from jobtrail.core.access import Membership
from jobtrail.core.errors import NotFound
from jobtrail.core.model import Event
from jobtrail.core.scopes import ApiScope
from jobtrail.core.status import ActorType
from jobtrail.core.timeline import Parts, Shown, Timeline, timeline_of
from jobtrail.service import gates, headlines, jobs, trail
from jobtrail.store.db import Scope
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.api.trails import VerifiedTrail, verified
from jobtrail.web.pages.job_head import MOST_EVENTS, MOST_STEPS, AtQuery, JobHead, job_head
from jobtrail.web.pages.page import page, regions
from jobtrail.web.pages.strip import pictures_of
from jobtrail.web.runtime import Call

EVENTS: Final = 200
KINDS: Final = ("job", "step", "gate", "ai", "artifact", "budget")
_AROUND: Final = ("main", "tab")
"""Blocks that hold all others."""
_ID: Final = re.compile(r"[0-9a-fA-F-]{4,36}")
_LAST_SEQ: Final = 2_147_483_647


class TimelineQuery(AtQuery, frozen=True, kw_only=True):
    """How the timeline is drawn. `zoom`: from where to where of 1 000; it is the browser's, which draws it so."""

    view: Literal["chart", "table"] = "chart"
    failed: bool = False
    scale: Literal["short", "true"] = "short"
    band: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    zoom: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class EventsQuery(AtQuery, frozen=True, kw_only=True):
    """Which events, and whether the trail is to be verified."""

    kind: list[Literal["job", "step", "gate", "ai", "artifact", "budget"]] | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=_LAST_SEQ)] | None = None
    after: Annotated[int, msgspec.Meta(ge=0, le=_LAST_SEQ)] | None = None
    verify: bool = False


async def show_job(call: Call, job_id: UUID, query: TimelineQuery) -> Response:
    """The timeline of a job."""
    head = await job_head(call, job_id, query.at)
    drawn = None
    asked = set(regions(call))
    if not asked or asked & {"timeline", *_AROUND}:
        shown = Shown(failed_only=query.failed, is_true=query.scale == "true", opened=query.band)
        drawn = timeline_of(await _parts(call, head), shown)
    pictures = await pictures_of(call, head) if not asked or asked & {"strip", *_AROUND} else ()
    more = {"line": drawn, "query": query, "words": _words(drawn), "pictures": pictures}
    return await page(call, "job/timeline.html", head.name, head=head, tab="Timeline", **more)


async def show_job_events(call: Call, job_id: UUID, query: EventsQuery) -> Response:
    """The events of a job, and the way back in time."""
    head = await job_head(call, job_id, query.at, moments=True)
    found = await _events(call, head, query)
    told: VerifiedTrail | None = await verified(call, job_id) if query.verify else None
    last = head.was.seq if head.was is not None else head.now.version
    return await page(
        call,
        "job/events.html",
        head.name,
        head=head,
        tab="Events",
        found=found,
        query=query,
        kinds=KINDS,
        told=told,
        actors={event.seq: _actor(head, event) for event in found},
        details={event.seq: said.line_of(event) for event in found},
        numbers={attempt.id: attempt.number for attempt in head.attempts},
        has_older=bool(found) and found[0].seq > 1 and (len(found) == EVENTS or query.after is not None),
        has_newer=bool(found) and found[-1].seq < last and (query.before is not None or len(found) == EVENTS),
    )


async def find_job(call: Call, id: str) -> Response:
    """To the page of a job by its id, or by digits of its start or end, in whatever workspace of the reader has it."""
    call.principal.require(ApiScope.JOBS_READ)
    wanted = id.replace("-", "").lower()
    homes: Sequence[Membership | None] = call.principal.memberships or (None,)
    for home in homes if _ID.fullmatch(id) and len(wanted) <= 32 else ():
        workspace = call.workspace if home is None else home.workspace_id
        found = await call.runtime.reads.arun(jobs.find(workspace, wanted), Scope.of(workspace))
        if len(found) == 1:
            name = call.principal.workspace_name if home is None else home.workspace
            return RedirectResponse(f"{call.prefix}/w/{quote(name, safe='')}/jobs/{found[0]}", 303)
    raise NotFound(f"no workspace of yours has one job {id!r}; give more digits if you shortened it")


async def _parts(call: Call, head: JobHead) -> Parts:
    if head.was is None:
        return await call.read(_parts_now(call.workspace, head))
    known = head.was.known
    spent = await call.read(headlines.spent(call.workspace, head.job.id, head.was.at))
    return Parts(
        job=known.job,
        attempts=known.attempts,
        steps=known.steps,
        events=known.events,
        gates=known.gates,
        spent=spent,
        now=head.was.at,
        is_past=True,
    )


@flow
def _parts_now(workspace: UUID, head: JobHead) -> Steps[Parts]:
    id = head.job.id
    return Parts(
        job=head.job,
        attempts=head.attempts,
        steps=(yield from ask(headlines.steps(workspace, id, MOST_STEPS))),
        events=(yield from ask(headlines.events(workspace, id, MOST_EVENTS))),
        gates=(yield from ask(gates.listed(workspace, waiting=False, job_id=id, limit=1_000))),
        spent=(yield from ask(headlines.spent(workspace, id))) if head.counts.calls else {},
        now=head.read_at,
    )


async def _events(call: Call, head: JobHead, query: EventsQuery) -> list[Event]:
    """A page of events, none of them later than what is shown of the job."""
    end = head.was.seq + 1 if head.was is not None else _LAST_SEQ
    kinds = query.kind or ()
    if query.after is not None:
        work = trail.between(call.workspace, head.job.id, query.after, end, kinds=kinds, limit=EVENTS)
    else:
        work = trail.before(call.workspace, head.job.id, min(query.before or end, end), kinds=kinds, limit=EVENTS)
    return await call.read(work)


def _actor(head: JobHead, event: Event) -> str:
    if event.actor_type == ActorType.WORKER:
        return head.worker(event.actor_id)
    return said.person(event.actor_type, event.actor_id)


def _words(drawn: Timeline | None) -> dict[str, str]:
    """How ranges of attempts are said: `2`, or `2 to 4`."""
    if drawn is None:
        return {}
    return {row.id: _numbers(row.remembered) for row in drawn.rows if row.remembered}


def _numbers(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
