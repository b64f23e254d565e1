"""Routes that list jobs: which ones is said by parameters, by a search, or by both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec

from jobtrail.core import filter_language, jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.filter import MOST_IDS, Filter, both
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus, WaitReason
from jobtrail.service import lists
from jobtrail.web import cursors
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor, Limit, Time

T = TypeVar("T")

_WITH_INPUTS: Final = 50
"""An input may be as large as 1 MiB, and all of a page stand in memory together."""
_Priority = Annotated[int, msgspec.Meta(ge=1, le=10)]
_Names = Annotated[list[str], msgspec.Meta(max_length=100)]


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs; a comma means or."""

    status: Annotated[list[JobStatus], msgspec.Meta(max_length=100)] | None = None
    wait_reason: Annotated[list[WaitReason], msgspec.Meta(max_length=100)] | None = None
    type: _Names | None = None
    queue: _Names | None = None
    tag: _Names | None = None
    priority: Annotated[list[_Priority], msgspec.Meta(max_length=100)] | None = None
    id: Annotated[list[UUID], msgspec.Meta(max_length=MOST_IDS)] | None = None
    task_id: UUID | None = None
    project_id: UUID | None = None
    parent_id: UUID | None = None
    created_after: Time | None = None
    created_before: Time | None = None
    q: (
        Annotated[str, msgspec.Meta(max_length=2_000, description="`status:failed type:render -tag:old attempts>2`")]
        | None
    ) = None
    filter: (
        Annotated[str, msgspec.Meta(max_length=16_000, description="A filter as JSON, as clients send it.")] | None
    ) = None


class JobsQuery(JobFilter, frozen=True, kw_only=True):
    """Which jobs, and which page of them."""

    limit: Limit = 50
    cursor: Cursor | None = None
    before: Annotated[UUID, msgspec.Meta(description="Only jobs before this one.")] | None = None
    inputs: Annotated[
        bool, msgspec.Meta(description="With the jobs' inputs, 50 jobs a page at most; without, they are null.")
    ] = True


class JobPage(msgspec.Struct, frozen=True):
    """Some jobs, newest first. `searched_to` is set where a search ended before all was looked at: of the jobs before
    this id nothing is known yet, and `next_cursor` goes on there, even if there are no items."""

    items: list[Job]
    next_cursor: str | None
    searched_to: UUID | None


async def list_jobs(call: Call, query: JobsQuery) -> JobPage:
    """List jobs, newest first."""
    before = cursors.place(query.cursor, "jobs", UUID) or query.before
    limit = min(query.limit, _WITH_INPUTS) if query.inputs else query.limit
    wanted = lists.page(call.workspace, filter_of(query), before=before, limit=limit, inputs=query.inputs)
    found = await call.read(wanted)
    more = None if found.next_before is None else cursors.cursor("jobs", found.next_before)
    return JobPage(found.jobs, more, found.searched_to)


def filter_of(query: JobFilter) -> Filter:
    """What parameters and search mean together. Raises Invalid."""
    said = Filter(
        statuses=_tuple(query.status),
        wait_reason=None if not query.wait_reason else tuple(str(one) for one in query.wait_reason),
        types=_tuple(query.type),
        queues=_tuple(query.queue),
        tags=_tuple(query.tag),
        priority=_tuple(query.priority),
        ids=_tuple(query.id),
        task_id=query.task_id,
        project_id=query.project_id,
        parent_id=query.parent_id,
        created_after=query.created_after,
        created_before=query.created_before,
    )
    if query.filter is not None:
        said = both(said, _decoded(query.filter))
    if query.q is not None:
        said = both(said, filter_language.parse(query.q).filter(datetime.now(UTC)))
    return said


def _decoded(text: str) -> Filter:
    try:
        return msgspec.convert(jsonguard.decode(text.encode(), at="filter"), Filter)
    except msgspec.ValidationError as error:
        raise Invalid(f"filter: {error}", fields={"filter": str(error)}) from error


def _tuple(values: list[T] | None) -> tuple[T, ...] | None:
    return None if not values else tuple(values)
