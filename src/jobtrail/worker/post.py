"""What the runner of webhooks gets from its worker: its letters, with their secrets, and a place to note how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from jobtrail.core.webhooks import Letter, Try
from jobtrail.outgoing.guard import Rules
from jobtrail.runners.protocol import Assignment, Runner
from jobtrail.service import deliveries


class Execute(Protocol):
    """Runs a verb and insists while the database is away."""

    def __call__(self, work: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class LocalPost:
    """The post of a worker with a connection of its own."""

    execute: Execute
    rules: Rules

    async def letter(self, assignment: Assignment, delivery_id: UUID) -> Letter | None:
        """What this job is to send; None when the delivery is not this job's."""
        letter: Letter | None = await self.execute(
            deliveries.letter(assignment.workspace_id, delivery_id, assignment.job_id)
        )
        return letter

    async def keep(self, assignment: Assignment, tried: Try) -> bool:
        """Notes how a try went; False when the attempt is stale."""
        work = deliveries.keep_try(assignment.workspace_id, assignment.job_id, assignment.attempt_id, tried)
        return await self.execute(work) is not None


def hand_out(runners: Iterable[Runner], execute: Execute, rules: Rules) -> None:
    """Gives a post to the runners that carry one."""
    for runner in runners:
        carry = getattr(runner, "carry", None)
        if callable(carry):
            carry(LocalPost(execute, rules))
