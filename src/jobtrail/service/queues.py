"""Verbs on queues and workspaces: pause, resume, how they stand and stood; find and open a workspace."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from jobtrail.core.errors import Conflict
from jobtrail.core.figures import QueueFigures
from jobtrail.core.model import Actor, QueueDepth, QueueMinute
from jobtrail.core.status import ActorType
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

CAP: Final = 10_001
"""Depths are counted up to here and shown as `10k+` beyond."""
MINUTES: Final = 30
"""Of so many minutes `figures` tells what went in and out."""


def pause(workspace: UUID, name: str, actor: Actor, reason: str | None = None) -> Query[None]:
    """Lets workers take no more of a workspace's queue; what runs goes on. It is recorded."""
    return Query("verbs/pause_queue", (workspace, name, actor.type, actor.id, reason), query.nothing)


@flow
def resume(workspace: UUID, name: str, actor: Actor) -> Steps[None]:
    """Lets workers take from it again, and records it. Raises Conflict when it was not paused."""
    params = (workspace, name, actor.type, actor.id)
    if (yield from ask(Query("verbs/resume_queue", params, query.one))) is None:
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


def parts(
    workspace: UUID, name: str | None, since: datetime, until: datetime, seconds: int
) -> Query[list[QueueMinute]]:
    """How a queue stood, or all together (None), in parts of so many seconds from `since` on, the oldest first.

    `at` is where a part begins. Its depth, age and waits are the highest of its minutes and queues; parts in which
    nothing waited or moved are left out.
    """
    return Query("reads/queue_parts", (workspace, name, since, until, seconds), query.many_of(QueueMinute))


def figures(workspace: UUID, now: datetime, cap: int = CAP) -> Query[list[QueueFigures]]:
    """How each queue stands, with its workers and its last 30 minutes, by name."""
    since = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES)
    return Query("reads/queue_figures", (workspace, cap, since), lambda rows: [_figures(row) for row in rows])


def _figures(row: query.Row) -> QueueFigures:
    minutes: dict[str, list[int]] = row[7] or {}
    moved: list[Any] = [minutes.get(str(number), (0, 0, 0)) for number in range(1, MINUTES + 1)]
    return QueueFigures(*row[:7], *([one[part] for one in moved] for part in range(3)), *row[8:])


def workspace(name: str) -> Query[UUID | None]:
    """The id of a workspace; needs a scope that sees all."""
    return Query("reads/workspace", (name,), query.scalar)


def open_workspace(id: UUID, name: str) -> Query[UUID | None]:
    """Makes a workspace that nobody owns; None when the name is taken."""
    params = (id, name, None, ActorType.SYSTEM, "jobtrail")
    return Query("verbs/create_workspace", params, lambda rows: rows[0][0] if rows else None)
