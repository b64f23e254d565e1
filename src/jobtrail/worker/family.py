"""The jobs that an attempt starts and waits for, from the worker's side: started once, and awaited without a slot."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

from jobtrail.core import graph
from jobtrail.core.errors import Invalid, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.graph import JobEnd
from jobtrail.core.outcome import Fail, Waits
from jobtrail.core.status import Phase
from jobtrail.runners.protocol import Assignment
from jobtrail.service import attempts, children, dependencies, trail
from jobtrail.service.children import Started
from jobtrail.service.wanted import NewJob
from jobtrail.store.identity import new_id


class Execute(Protocol):
    """Runs a verb and insists while the database is away."""

    def __call__(self, work: Any) -> Awaitable[Any]: ...


class Family:
    """What one attempt started. Several calls may start jobs side by side; the job waits for all of them together."""

    def __init__(
        self,
        execute: Execute,
        fence: Fence,
        generation: int,
        *,
        settle: Callable[[], Awaitable[None]],
        hear: Callable[[str], None],
    ) -> None:
        self._execute, self._fence, self._generation, self._settle, self._hear = (
            execute,
            fence,
            generation,
            settle,
            hear,
        )
        self._starting = 0
        self._started = asyncio.Event()
        self._suspension: asyncio.Task[None] | None = None

    async def ends(self, key: str, name: str, phase: Phase, wanted: Sequence[NewJob], *, wakes: bool) -> list[JobEnd]:
        """How jobs ended that are started here, or were before. Raises Waits while they have not, StaleAttempt."""
        self._starting += 1
        try:
            work = children.start(
                self._fence, new_id(), key, name, wanted, generation=self._generation, phase=phase, wakes=wakes
            )
            started: Started = await self._execute(work)
        finally:
            self._starting -= 1
            if not self._starting:
                self._started.set()
                self._started = asyncio.Event()
        for queue in started.queues:
            self._hear(queue)
        if started.over:
            await self._remember(started)
            return list(started.ends)
        while self._starting:
            await self._started.wait()
        if self._suspension is None:
            self._suspension = asyncio.create_task(self._suspend(started))
        await asyncio.shield(self._suspension)
        raise Waits(started.step_id)

    async def recalled(self, output: str) -> list[JobEnd]:
        """How jobs ended for which a step waited that is over; `output` is what it remembered."""
        found: list[JobEnd] = await self._execute(children.recalled(self._fence.workspace_id, output))
        return found

    async def needed(self) -> dict[UUID, JobEnd]:
        """How those ended that the job waited for before it began."""
        work = dependencies.of(self._fence.workspace_id, self._fence.job_id)
        found: dict[UUID, JobEnd] = await self._execute(work)
        return found

    async def given(self, assignment: Assignment) -> tuple[Fail | None, Assignment]:
        """The assignment with the results of others in its input.

        A job that was retried looks once more at what it needs: one that failed is a reason not to begin, and for one
        that runs again it waits, which unwinds.
        """
        terms = await self._execute(dependencies.terms(self._fence.workspace_id, self._fence.job_id))
        if not terms.needs:
            return None, assignment
        ends = await self.needed()
        if assignment.generation > 1:
            verdict = graph.verdict(terms.mode, terms.policy, list(ends.values()))
            if isinstance(verdict, JobEnd):
                said = f"job {verdict.job_id}, which it needs, is {verdict.status}; retry that one first"
                return Fail("dependency_failed", said, final=True), assignment
            if verdict:
                note = trail.note_of({"message": f"{len(verdict)} jobs that it needs run again"})
                await self._execute(dependencies.wait_again(self._fence, verdict, note))
                raise Waits(self._fence.job_id)
        try:
            return None, assignment._replace(input=graph.filled(assignment.input, ends))
        except Invalid as error:
            return Fail(error.code, str(error), final=True), assignment

    async def _remember(self, started: Started) -> None:
        if await self._execute(children.remember(self._fence, started)) is None:
            raise StaleAttempt(f"attempt {self._fence.attempt_id} is over")

    async def _suspend(self, started: Started) -> None:
        """Ends the attempt: the job waits for what it started, unless it is to be cancelled."""
        await self._settle()
        note = trail.note_of(children.told(started))
        try:
            await self._execute(children.suspend(self._fence, note))
        except StaleAttempt:
            await self._execute(attempts.end_cancelled(self._fence, "cancelled"))
