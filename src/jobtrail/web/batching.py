"""Enqueues that come at the same time share a commit: what arrives while one is under way goes with the next."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from jobtrail.core.model import Actor
from jobtrail.service.jobs import Accepted, NewJob

_SENDERS: Final = 2


@dataclass(slots=True)
class Wanted:
    """One enqueue that waits for its answer: the job's id, and whether it is new."""

    job: NewJob
    key: str | None
    answer: asyncio.Future[Accepted] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def tell(self, answer: Accepted | Exception) -> None:
        """Answers who waits, unless they left."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)


Send = Callable[[UUID, Actor, list[Wanted]], Awaitable[None]]
"""Enqueues for one workspace and actor in one transaction, and answers each, with its own error if need be."""


class Batcher:
    """Groups enqueues by workspace and actor without a timer: a lone one goes at once. `send` must answer each."""

    def __init__(self, send: Send, *, at_once: int = 200) -> None:
        self._send, self._at_once = send, at_once
        self._waiting: defaultdict[tuple[UUID, Actor], list[Wanted]] = defaultdict(list)
        self._senders: set[asyncio.Task[None]] = set()
        self._sending = 0

    async def enqueue(self, workspace: UUID, actor: Actor, job: NewJob, key: str | None) -> Accepted:
        """Accepts a job; answers when it is committed. Raises what the verb raises."""
        wanted = Wanted(job, key)
        self._waiting[workspace, actor].append(wanted)
        if self._sending < _SENDERS:
            self._sending += 1
            task = asyncio.create_task(self._empty())
            self._senders.add(task)
            task.add_done_callback(self._senders.discard)
        return await wanted.answer

    async def aclose(self) -> None:
        """Waits until all is sent."""
        await asyncio.gather(*self._senders)

    async def _empty(self) -> None:
        """Sends until nothing waits. Between that look and the count nobody else runs, so no enqueue is left waiting."""
        try:
            while self._waiting:
                await asyncio.sleep(0)  # those that have arrived with the first one come along
                if self._waiting:
                    await self._send_some()
        finally:
            self._sending -= 1

    async def _send_some(self) -> None:
        whose = next(iter(self._waiting))
        group = self._waiting.pop(whose)
        if len(group) > self._at_once:
            self._waiting[whose] = group[self._at_once :]
        group = group[: self._at_once]
        try:
            await self._send(*whose, group)
        except Exception as error:  # noqa: BLE001  it is raised where each was asked for
            for wanted in group:
                wanted.tell(error)
