"""One attempt while it runs: its fence, how it is told to stop, and when its time is over."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from jobtrail.core.fence import Fence
from jobtrail.core.model import Claimed

CANCELLED: Final = "cancelled"
TIMED_OUT: Final = "timeout"
IDLE: Final = "idle_timeout"
SHUTDOWN: Final = "shutdown"
LOST: Final = "lost"
BUDGET: Final = "budget_exceeded"


class Running:
    """An attempt in a slot of this worker."""

    __slots__ = (
        "_stopped",
        "alive_at",
        "claimed",
        "ending",
        "fence",
        "kills_itself",
        "message",
        "peak_bytes",
        "reason",
        "started_at",
        "stopped_at",
        "task",
    )

    def __init__(self, claimed: Claimed, fence: Fence, *, kills_itself: bool) -> None:
        self.claimed = claimed
        self.fence = fence
        self.kills_itself = kills_itself
        self.task: asyncio.Task[Any] | None = None
        self.ending = False
        self.reason: str | None = None
        self.message: str | None = None
        self.started_at = self.alive_at = time.monotonic()
        self.stopped_at: float | None = None
        self.peak_bytes: int | None = None
        self._stopped: asyncio.Event | None = None

    @property
    def ms(self) -> int:
        """Milliseconds since it started."""
        return int((time.monotonic() - self.started_at) * 1000)

    def stop(self, reason: str, message: str) -> None:
        """Tells the code to stop, once. A runner that does not see to it itself is interrupted.

        Code that has ended is not stopped any more: its end is being written, and must be.
        """
        if (self.reason is not None or self.ending) and not (reason == LOST and self.reason != LOST):
            return
        self.reason, self.message, self.stopped_at = reason, message, time.monotonic()
        if self._stopped is not None:
            self._stopped.set()
        if not self.kills_itself or reason == LOST:
            self.interrupt()

    def interrupt(self) -> None:
        """Raises CancelledError in the code, if it still runs."""
        if self.task is not None and not self.ending:
            self.task.cancel()

    async def stopping(self) -> str:
        """Waits until it is told to stop; answers why."""
        if self._stopped is None:
            self._stopped = asyncio.Event()
            if self.reason is not None:
                self._stopped.set()
        await self._stopped.wait()
        return self.reason or SHUTDOWN

    def overdue(self, now: float) -> tuple[str, str] | None:
        """Why its time is over, or None."""
        wall, idle = self.claimed.timeout_seconds, self.claimed.idle_timeout_seconds
        if wall is not None and now - self.started_at > wall:
            return TIMED_OUT, f"it ran longer than {wall:g} s"
        if idle is not None and now - self.alive_at > idle:
            return IDLE, f"it showed no sign of progress for {idle:g} s"
        return None
