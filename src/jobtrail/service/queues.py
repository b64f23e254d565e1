"""Verbs on queues and workspaces: pause, resume, depths; find and open a workspace."""

from __future__ import annotations

from uuid import UUID

from jobtrail.core.errors import Conflict
from jobtrail.core.model import Actor, QueueDepth
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


def workspace(name: str) -> Query[UUID | None]:
    """The id of a workspace; needs a scope that sees all."""
    return Query("reads/workspace", (name,), query.scalar)


def open_workspace(id: UUID, name: str) -> Query[UUID | None]:
    """Makes a workspace; None when the name is taken."""
    return Query("verbs/create_workspace", (id, name), query.scalar)
