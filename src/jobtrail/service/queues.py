"""Verbs on queues and workspaces: pause, resume, how they stand and stood; find and open a workspace."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from jobtrail.core.errors import Conflict
from jobtrail.core.model import Actor, QueueDepth, QueueMinute
from jobtrail.core.status import ActorType
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

CAP = 10_001
"""Depths are counted up to here and shown as `10k+` beyond."""


def pause(workspace: UUID, name: str, actor: Actor, reason: str | None = None) -> Query[None]:
    """Lets workers take no more of a workspace's queue; what runs goes on."""
    return Query("verbs/pause_queue", (workspace, name, actor.id, reason), query.nothing)


@flow
def resume(workspace: UUID, name: str) -> Steps[None]:
    """Lets workers take from it again. Raises Conflict when it was not paused."""
    if (yield from ask(Query("verbs/resume_queue", (workspace, name), query.one))) is None:
        raise Conflict(f"queue {name} is not paused")


def depths(workspace: UUID, cap: int = CAP) -> Query[list[QueueDepth]]:
    """How many jobs wait ready in each queue, up to `cap` in all, and since when the oldest waits."""
    return Query("reads/depths", (workspace, cap), query.many_of(QueueDepth))


def get(workspace: UUID, name: str, cap: int = CAP) -> Query[QueueDepth | None]:
    """How one queue stands, up to `cap`; None for a queue that never had a job and was never paused."""
    return Query("reads/depth", (workspace, name, cap), query.one_of(QueueDepth))


def stats(workspace: UUID, name: str, since: datetime, until: datetime, limit: int = 1_500) -> Query[list[QueueMinute]]:
    """How a queue stood minute by minute from `since` on, before `until`; the oldest first."""
    return Query("reads/queue_stats", (workspace, name, since, until, limit), query.many_of(QueueMinute))


def workspace(name: str) -> Query[UUID | None]:
    """The id of a workspace; needs a scope that sees all."""
    return Query("reads/workspace", (name,), query.scalar)


def open_workspace(id: UUID, name: str) -> Query[UUID | None]:
    """Makes a workspace that nobody owns; None when the name is taken."""
    params = (id, name, None, ActorType.SYSTEM, "jobtrail")
    return Query("verbs/create_workspace", params, lambda rows: rows[0][0] if rows else None)
