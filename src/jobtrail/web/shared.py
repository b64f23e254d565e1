"""Reads that many ask for at once, done once: the load on the database does not grow with the number of open pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Shared:
    """Answers by key, each good for some time and kept no longer. Who asks while a read is under way waits for its answer."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[asyncio.Future[Any], float]] = {}

    async def get(self, key: Hashable, seconds: float, read: Callable[[], Awaitable[T]]) -> T:
        """The answer of `read`, at most `seconds` old. Raises what `read` raises, for all who waited, and forgets it."""
        known = self._answers.get(key)
        if known is None or time.monotonic() > known[1] or known[0].cancelled():
            task = asyncio.ensure_future(read())
            task.add_done_callback(lambda done: self._ended(key, done, seconds))
            known = self._answers[key] = (task, float("inf"))
        answer: T = await asyncio.shield(known[0])
        return answer

    def forget(self, *keys: Hashable) -> None:
        """Reads them anew for whoever asks next: something has just changed. What is being read is not kept."""
        for key in keys:
            self._answers.pop(key, None)

    def _ended(self, key: Hashable, done: asyncio.Future[Any], seconds: float) -> None:
        if done.cancelled() or done.exception() is not None:
            self._drop(key, done)
        elif self._answers.get(key, (None,))[0] is done:
            self._answers[key] = (done, time.monotonic() + seconds)
            asyncio.get_running_loop().call_later(seconds, self._drop, key, done)

    def _drop(self, key: Hashable, done: asyncio.Future[Any]) -> None:
        if self._answers.get(key, (None,))[0] is done:
            del self._answers[key]
