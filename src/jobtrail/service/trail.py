"""Reading the trail of a job. Nothing here writes it: the database does, with the change itself."""

from __future__ import annotations

from uuid import UUID

from jobtrail.core.model import Event
from jobtrail.store import query
from jobtrail.store.query import Query


def events(workspace: UUID, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> Query[list[Event]]:
    """Events of a job whose seq is above `after`, in order."""
    return Query("reads/events", (workspace, job_id, after, limit), query.many_of(Event))
