"""Hears when an attempt is to stop, and remembers when it was lost, also where nobody could catch that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from jobtrail.core.outcome import Dropped
from jobtrail.runners.protocol import Desk

LOST = "lost"  # the desk's word for an attempt that is another's by now


class Halt:
    """Two signals for running commands: `stop` ends the work, `lost` also ends the cleaning up.

    `stop` may be given by who listens already.
    """

    def __init__(self, desk: Desk, stop: asyncio.Event | None = None) -> None:
        self.stop = stop or asyncio.Event()
        self.lost = asyncio.Event()
        self._desk = desk
        self._reason: str | None = None
        self._dropped: Dropped | None = None

    @property
    def reason(self) -> str | None:
        """Why to stop; None: go on."""
        return self._reason or self._desk.stop_reason

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Inside the block the signals are given."""
        task = asyncio.create_task(self._listen(), name="halt")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def drop(self, dropped: Dropped) -> None:
        """The attempt is no longer ours. For callbacks of the event loop, which nothing can be raised through."""
        self._dropped = self._dropped or dropped
        self.stop.set()
        self.lost.set()

    def check(self) -> None:
        """Raises Dropped if the attempt was lost."""
        if self._dropped is not None:
            raise self._dropped

    async def _listen(self) -> None:
        try:
            self._reason = await self._desk.stopping()
        except Dropped as dropped:
            self.drop(dropped)
        if self._reason == LOST:
            self.drop(Dropped())
        self.stop.set()


async def together(runs: Sequence[Coroutine[Any, Any, None]]) -> None:
    """All at once, each to its end; if one is lost or cannot be recorded, the others are stopped too."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in runs:
                group.create_task(each)
    except BaseExceptionGroup as errors:
        lost = errors.subgroup(Dropped)
        raise (lost or errors).exceptions[0] from None
