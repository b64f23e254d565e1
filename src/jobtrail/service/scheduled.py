"""Verbs on jobs that wait for a time: the list of them, in the order in which they are due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.asking import ScheduledJob
from jobtrail.store import query
from jobtrail.store.query import Query


class Due(NamedTuple):
    """A place in the list: when something is due, and what."""

    at: datetime
    job_id: UUID


_FIRST: Final = Due(datetime.min.replace(tzinfo=UTC), UUID(int=0))


def listed(workspace: UUID, *, after: Due | None = None, limit: int = 50) -> Query[list[ScheduledJob]]:
    """Jobs that wait for their time, to be tried again, or for a quota, the next first; `after` is the last of the page
    before. A page may hold less than `limit` and have a next one, never none."""
    return Query("reads/scheduled", (workspace, *(after or _FIRST), limit), query.many_of(ScheduledJob))
