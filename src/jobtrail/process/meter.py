"""One sampler for all attempts of a worker: what their processes use, and whether one passed its limit of memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from jobtrail.process.census import View
from jobtrail.process.tree import Tree

INTERVAL_SECONDS = 0.25
FIRST_SECONDS = 0.03  # then twice as long each time: short processes must not end unseen
SHARE = 0.05  # of one core that looking may cost; with very many processes it looks less often instead


@dataclass(slots=True)
class _Watch:
    tree: Tree
    limit: int | None
    over: Callable[[int], None]
    due: float
    pause: float = FIRST_SECONDS


class Meter:
    """Samples the trees that it watches, each every quarter of a second, in the event loop of whoever watches."""

    def __init__(self, interval: float = INTERVAL_SECONDS) -> None:
        self._interval = interval
        self._watches: dict[int, _Watch] = {}
        self._task: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    @contextmanager
    def watching(self, tree: Tree, limit: int | None, over: Callable[[int], None]) -> Iterator[None]:
        """Sample this tree inside the block; `over` is told the memory that is held when that is more than `limit`."""
        watch = _Watch(tree, limit, over, time.monotonic())
        self._watches[tree.pid] = watch
        self._more.set()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._sample_all(), name="meter")
        try:
            yield
        finally:
            del self._watches[tree.pid]
            if not self._watches:
                self._task.cancel()
                self._task = None

    def view(self) -> View:
        """A look at the process table that knows which of our children are supervised."""
        return View(self._watches)

    async def _sample_all(self) -> None:
        while True:
            cost = 0.0
            now = time.monotonic()
            due = [watch for watch in self._watches.values() if watch.due <= now]
            if due:
                begun = time.thread_time()
                view = self.view()
                cost += time.thread_time() - begun
                for watch in due:
                    begun = time.thread_time()
                    if watch.tree.pid in self._watches:
                        self._sample(watch, view, now)
                    cost += time.thread_time() - begun
                    await asyncio.sleep(0)  # the event loop has other things to do
            await asyncio.sleep(cost / SHARE)
            self._more.clear()
            next_due = min((watch.due for watch in self._watches.values()), default=now)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(next_due - time.monotonic(), 0.0)):
                    await self._more.wait()

    def _sample(self, watch: _Watch, view: View, now: float) -> None:
        watch.due = now + watch.pause
        watch.pause = min(watch.pause * 2, self._interval)
        memory = watch.tree.sample(view)
        if watch.limit is not None and memory > watch.limit:
            held = watch.tree.held_bytes()
            if held > watch.limit:
                watch.over(held)
