"""What the runner of bulk operations gets from its worker: a hand that acts on other jobs, fenced by its own attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import msgspec

from jobtrail.core.bulk import BulkPage, decode
from jobtrail.core.errors import StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.outcome import Dropped
from jobtrail.runners.protocol import Assignment, Runner
from jobtrail.service import bulk
from jobtrail.service.bulk import Counted
from jobtrail.store.identity import new_ids


class Execute(Protocol):
    """Runs a verb and insists while the database is away."""

    def __call__(self, work: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class LocalHand:
    """The hand of a worker with a connection of its own. `hear` is told which queues have new work."""

    execute: Execute
    worker_id: UUID
    hear: Callable[[str], None]

    async def count(self, assignment: Assignment) -> Counted:
        """What the order would touch, up to a cap."""
        order = decode(msgspec.json.decode(assignment.input))
        counted: Counted = await self.execute(bulk.count(assignment.workspace_id, order))
        return counted

    async def page(self, assignment: Assignment, before: UUID | None) -> BulkPage:
        """Acts on the next jobs. Raises Dropped when the attempt is stale."""
        fence = Fence(assignment.workspace_id, assignment.job_id, assignment.attempt_id, self.worker_id)
        limit, _ = decode(msgspec.json.decode(assignment.input)).wave
        try:
            done: BulkPage = await self.execute(bulk.page(fence, new_ids, before=before, limit=limit))
        except StaleAttempt:
            raise Dropped from None
        for queue in done.queues:
            self.hear(queue)
        return done


def lend(runners: Iterable[Runner], execute: Execute, worker_id: UUID, hear: Callable[[str], None]) -> None:
    """Lends a hand to the runners that borrow one."""
    for runner in runners:
        borrow = getattr(runner, "borrow", None)
        if callable(borrow):
            borrow(LocalHand(execute, worker_id, hear))
