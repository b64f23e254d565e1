"""When a loop reads: only while somebody listens, now and then by itself, and earlier at a hint that something changed."""

from __future__ import annotations

import asyncio

from jobtrail.worker.pause import until


class Pulse:
    """One loop's rhythm. `eager_seconds` lie between two reads at least, however many hints come."""

    def __init__(self, eager_seconds: float) -> None:
        self._eager = eager_seconds
        self._wanted = asyncio.Event()
        self._hint = asyncio.Event()

    def want(self, *, on: bool) -> None:
        """Tells whether anybody listens."""
        if on:
            self._wanted.set()
        else:
            self._wanted.clear()

    def hint(self) -> None:
        """Something may have changed."""
        self._hint.set()

    async def wanted(self) -> None:
        """Waits until somebody listens."""
        await self._wanted.wait()

    async def pause(self, seconds: float) -> None:
        """Waits `seconds`, or until a hint."""
        await asyncio.sleep(min(self._eager, seconds))
        if seconds > self._eager:
            await until(self._hint, seconds - self._eager)
        self._hint.clear()
