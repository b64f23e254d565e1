"""The one subscription of a service to hints: wakes requests that wait for jobs, and whoever else asked to be told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from jobtrail.store.pool import Dial
from jobtrail.store.wake import Listener


class Hints:
    """Listens from the first one who waits until the end of the service. A hint is never needed: who waits also polls."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._bells: dict[asyncio.Event, frozenset[str]] = {}
        self._told: list[Callable[[str], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.over = False

    def also_tell(self, heard: Callable[[str], None]) -> None:
        """Calls back with every hint's queue, and with "" when hints may have been missed."""
        self._told.append(heard)
        self._listen()

    @property
    def waiters(self) -> int:
        """How many requests wait."""
        return len(self._bells)

    @contextmanager
    def waiting(self, queues: Iterable[str]) -> Iterator[asyncio.Event]:
        """An event that is set when a queue may have something, and when the service ends (`over`)."""
        bell = asyncio.Event()
        self._bells[bell] = frozenset(queues)
        self._listen()
        try:
            yield bell
        finally:
            del self._bells[bell]

    def hang_up(self) -> None:
        """Wakes all who wait, for good. Safe in a signal handler and from any thread."""
        self.over = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended, and all who waited with it
                self._loop.call_soon_threadsafe(self._hear, "")

    async def aclose(self) -> None:
        """Ends the subscription."""
        self.hang_up()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._task is None and not self._dial.pgbouncer and not self.over:
            self._task = asyncio.create_task(Listener(self._dial, self._hear).listen(), name="hints")

    def _hear(self, queue: str) -> None:
        for bell, queues in self._bells.items():
            if queue == "" or queue in queues:
                bell.set()
        for heard in self._told:
            heard(queue)
