"""The list of jobs: found by a search that stands in the URL, acted on one by one or all that match."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Final
from uuid import UUID

from starlette.responses import Response

from jobtrail.core import bulk
from jobtrail.core.aside import Aside
from jobtrail.core.filter import SEARCHED, Filter, both
from jobtrail.core.model import Job, StatusCount
from jobtrail.core.status import PRIORITIES, JobStatus, WaitReason, allowed_actions
from jobtrail.service import jobs as verbs
from jobtrail.service import lists
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.page import page, regions
from jobtrail.web.pages.search import WINDOWS, JobsPageQuery, Wanted, id_at, made_at, tabs, wanted
from jobtrail.web.pages.shared import shared
from jobtrail.web.runtime import Call

PAGE: Final = 50
MOST_NEW: Final = 100
_SHARE: Final = 25
_PACE: Final = (1_000, 20_000)
_HOLDS: Final = frozenset({"rows", "fresh"})
_WORDS: Final = {"status": list(JobStatus), "wait": list(WaitReason), "priority": list(PRIORITIES)}
"""What a browser offers to go on with, of a search's keys that have words of their own."""


@dataclass(frozen=True, slots=True)
class Row:
    """A job of the list. `gone`: it has changed, and is no longer what is looked for."""

    job: Job
    aside: Aside
    allowed: tuple[str, ...]
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What is shown. `searched_to`: of jobs made before this time nothing is known. `pace_ms`: how often it may be read
    anew, so that looking takes little of the database. `more`: there are others beyond this page."""

    rows: Sequence[Row] = ()
    older: UUID | None = None
    newer: UUID | None = None
    searched_to: datetime | None = None
    fresh: int = 0
    pace_ms: int = _PACE[0]
    read_ms: float = 0.0

    @property
    def ids(self) -> str:
        """The ids of the rows, for the browser to ask for these again."""
        return ",".join(str(row.job.id) for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Found:
    jobs: list[Job]
    asides: dict[UUID, Aside]
    matching: frozenset[UUID] | None = None
    fresh: int = 0
    older: UUID | None = None
    searched_to: UUID | None = None


async def show_jobs(call: Call, query: JobsPageQuery) -> Response:
    """Jobs, newest first."""
    want = wanted(query, datetime.now(UTC))
    asked = regions(call)
    listed = Listed()
    if not asked or _HOLDS & set(asked):
        listed = await _listed(call, want, query)
    counts: list[StatusCount] = []
    if want.counts_apply and (not asked or "tabs" in asked):
        counts = await shared(call, "counts", verbs.counts(call.workspace), 2.0)
    return await page(
        call,
        "jobs.html",
        "Jobs",
        want=want,
        query=query,
        listed=listed,
        tabs=tabs(want, [(one.status, one.jobs, one.capped) for one in counts]),
        windows=WINDOWS,
        words=_WORDS,
        searched=SEARCHED,
        most_new=MOST_NEW,
        is_first=query.before is None and query.after is None and query.jump is None,
    )


async def _listed(call: Call, want: Wanted, query: JobsPageQuery) -> Listed:
    began = perf_counter()
    before = query.before or (None if query.jump is None else id_at(query.jump))
    first = before is None and query.after is None
    if query.ids:
        found = await call.read(_again(call.workspace, want, tuple(query.ids), first=first))
    else:
        found = await call.read(_page(call.workspace, want.filter, before, query.after))
    took = (perf_counter() - began) * 1_000
    return Listed(
        rows=[_row(job, found) for job in found.jobs],
        older=found.older,
        newer=found.jobs[0].id if found.jobs and not first else None,
        searched_to=None if found.searched_to is None else made_at(found.searched_to),
        fresh=found.fresh,
        pace_ms=round(min(max(took * _SHARE, _PACE[0]), _PACE[1])),
        read_ms=took,
    )


@flow
def _page(workspace: UUID, filter: Filter, before: UUID | None, after: UUID | None) -> Steps[_Found]:
    """A page from a cursor downwards, or the one above a job; where that is not full, the newest."""
    if after is not None:
        above = yield from lists.newer(workspace, filter, after=after, limit=PAGE).begin()
        if len(above) == PAGE:
            return _Found(above, (yield from _asides(workspace, above)), older=above[-1].id)
    got = yield from lists.page(workspace, filter, before=before, limit=PAGE, inputs=False).begin()
    asides = yield from _asides(workspace, got.jobs)
    return _Found(got.jobs, asides, older=got.next_before, searched_to=got.searched_to)


@flow
def _again(workspace: UUID, want: Wanted, ids: tuple[UUID, ...], *, first: bool) -> Steps[_Found]:
    """Those that a browser shows, as they are now, which of them still match, and how many others it does not show yet."""
    named = Filter(ids=ids)
    shown = yield from lists.listed(workspace, named, limit=len(ids), inputs=False).begin()
    matching = None
    if want.lasting.asks_for:
        filter = both(want.lasting, named)
        still = yield from lists.listed(workspace, filter, limit=len(ids), inputs=False).begin()
        matching = frozenset(job.id for job in still)
    fresh = 0
    if first:
        after = min(ids) if len(ids) >= PAGE else None
        most = len(ids) + MOST_NEW + 1
        now = yield from lists.listed(workspace, want.filter, after=after, limit=most, inputs=False).begin()
        fresh = sum(job.id not in ids for job in now)
    return _Found(shown, (yield from _asides(workspace, shown)), matching, fresh)


def _asides(workspace: UUID, jobs: Sequence[Job]) -> Steps[dict[UUID, Aside]]:
    if not jobs:
        return {}
    return {one.id: one for one in (yield from ask(lists.asides(workspace, [job.id for job in jobs])))}


def _row(job: Job, found: _Found) -> Row:
    waits = None if job.wait_reason is None else WaitReason(job.wait_reason)
    allowed = allowed_actions(JobStatus(job.status), waits)
    if job.type == bulk.TYPE:
        allowed = tuple(one for one in allowed if one != "rerun")
    aside = found.asides.get(job.id) or Aside(job.id, None, 0, None, None, None)
    return Row(job, aside, allowed, gone=found.matching is not None and job.id not in found.matching)
