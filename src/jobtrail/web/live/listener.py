"""One listener's buffer: bounded in bytes and frames, filled by the hub, emptied by whoever writes to the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable
from dataclasses import dataclass
from typing import Final

from jobtrail.web.live import frame
from jobtrail.worker.pause import until

SLOW: Final = "slow"
REVOKED: Final = "revoked"
SHUTDOWN: Final = "shutdown"
ENDED: Final = ""
"""Why a stream ends: its reader is too slow, its key is no longer good, the service stops, or everything was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How patient a hub is. Bytes and frames are those that one listener may have waiting."""

    bytes: int = 2 << 20
    frames: int = 10_000
    listeners: int = 10_000
    poll_seconds: float = 0.2
    eager_seconds: float = 0.05
    keep_alive_seconds: float = 15.0
    check_seconds: float = 5.0
    trust_seconds: float = 15.0


@dataclass(slots=True)
class Counts:
    """What a hub did since it began. `dropped`: listeners that were too slow, `closed`: ended for any other reason
    than that everything was said; `frames` and `bytes` were handed to listeners."""

    frames: int = 0
    bytes: int = 0
    dropped: int = 0
    closed: int = 0
    gaps: int = 0


class Listener:
    """Somebody who listens. `allowed` names the key by which they may; None: nobody asks again. `beat` is what is said
    where there is nothing to tell."""

    def __init__(
        self, allowed: Hashable | None, limits: Limits, counts: Counts, beat: bytes = frame.KEEP_ALIVE
    ) -> None:
        self.allowed = allowed
        self._beat = beat
        self._limits, self._counts = limits, counts
        self._waiting: list[bytes] = []
        self._bytes = self._frames = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.closed: str | None = None

    def push(self, data: bytes, frames: int) -> None:
        """Takes frames, or ends the stream of a reader that is too slow for them: nothing is left out in the middle."""
        if self.closed is not None:
            return
        too_much = self._bytes + len(data) > self._limits.bytes or self._frames + frames > self._limits.frames
        if self._waiting and too_much:
            self.close(SLOW)
            return
        self._waiting.append(data)
        self._bytes += len(data)
        self._frames += frames
        self._counts.bytes += len(data)
        self._counts.frames += frames
        self._news.set()
        self._room.clear()

    @property
    def waiting(self) -> bool:
        """Whether there is anything that the reader did not take yet."""
        return bool(self._waiting)

    async def room(self) -> None:
        """Waits until everything was taken: who reads the past does so at the pace of the reader."""
        await self._room.wait()

    def close(self, reason: str) -> None:
        """Ends the stream, with a last frame that says why. What waits is still told at the end and at a shutdown."""
        if self.closed is not None:
            return
        if reason in (SLOW, REVOKED):
            self._waiting.clear()
        if reason != ENDED:
            self._waiting.append(frame.closed(reason))
            self._counts.closed += reason != SLOW
            self._counts.dropped += reason == SLOW
        self.closed = reason
        self._news.set()
        self._room.set()

    async def frames(self) -> AsyncGenerator[bytes, None]:
        """What the listener gets, until the stream ends; the beat now and then where there is nothing."""
        yield frame.RETRY
        while True:
            if not await until(self._news, self._limits.keep_alive_seconds):
                yield self._beat
                continue
            self._news.clear()
            last = self.closed is not None
            taken, self._waiting = self._waiting, []
            self._bytes = self._frames = 0
            if taken:
                yield b"".join(taken)
            if last:
                return
            if not self._waiting:
                self._room.set()
