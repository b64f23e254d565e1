"""What runners that call strangers get from their worker: which addresses they may call, where others reach the service,
and, for webhooks, the letters with their secrets and a place to note how it went."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from jobtrail.core import callbacks
from jobtrail.core.errors import Misconfigured
from jobtrail.core.webhooks import Letter, Try
from jobtrail.outgoing.guard import Rules
from jobtrail.runners.protocol import Assignment, Runner
from jobtrail.service import deliveries, signals
from jobtrail.store.identity import new_secret


class Execute(Protocol):
    """Runs a verb and insists while the database is away."""

    def __call__(self, work: Any) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True)
class LocalPost:
    """The post of a worker with a connection of its own."""

    execute: Execute
    rules: Rules
    public_url: str | None = None

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

    async def callback(self, assignment: Assignment, name: str, expires: timedelta) -> str | None:
        """The address, good for so long, at which one may answer this job under a name; None when the attempt is stale.

        Raises Misconfigured where nobody said how the service is reached.
        """
        if self.public_url is None:
            raise Misconfigured("this worker does not know how others reach the service; set JOBTRAIL_PUBLIC_URL there")
        workspace, job_id, attempt_id = assignment.workspace_id, assignment.job_id, assignment.attempt_id
        work = signals.open_callback(workspace, job_id, attempt_id, name, new_secret(), expires)
        secret: bytes | None = await self.execute(work)
        if secret is None:
            return None
        token = callbacks.token(workspace, job_id, name, secret)
        return f"{self.public_url}{callbacks.PATH}{token}"


def hand_out(runners: Iterable[Runner], execute: Execute, rules: Rules, public_url: str | None = None) -> None:
    """Gives a post to the runners that carry one."""
    for runner in runners:
        carry = getattr(runner, "carry", None)
        if callable(carry):
            carry(LocalPost(execute, rules, public_url))
