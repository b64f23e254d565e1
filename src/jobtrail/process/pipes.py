"""The pipes of one process: what it prints goes to a callback as raw chunks, what it is told comes from bytes.

No lines here (see `lines`), so nothing that a process prints is too long, and nothing is held back or kept.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from inspect import isawaitable

from jobtrail.process.lines import Source

CHUNK_BYTES = 64 * 1024
FIRST_BYTES = 512  # of what it says of an error before all else: room for a sentence
REST_BYTES = 1024 * 1024  # the most that Linux lets a pipe hold

if sys.platform == "linux":
    import fcntl

OnOutput = Callable[[Source, bytes], Awaitable[None] | None]


def widen(fd: int) -> None:
    """Let a pipe hold as much as it may, which is more than it usually does; where it may not, it stays as it is."""
    if sys.platform == "linux":
        with suppress(OSError):  # the user has too many of such pipes
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, REST_BYTES)


class Output:
    """Reads both output pipes of a process until their end, in the event loop.

    If `on_output` answers an awaitable, that pipe is not read until it is done: the process waits, not our memory.
    """

    def __init__(
        self, ends: Mapping[Source, int], on_output: OnOutput, limit: int | None, failed: Callable[[Exception], None]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends = dict(ends)
        self._on_output = on_output
        self._failed = failed
        self._room = limit
        self._finishing = False
        self._paused: dict[Source, asyncio.Future[None]] = {}
        self._all_ended = asyncio.Event()
        self.last_at = time.monotonic()
        self.dropped_bytes = 0
        self.first_error_bytes = b""  # which may come in pieces, as a program writes a sentence word by word
        self._printed = False
        for source, fd in self._ends.items():
            os.set_blocking(fd, False)
            self._loop.add_reader(fd, self._readable, source)

    @property
    def waits_for_us(self) -> bool:
        """Whether a pipe is not being read because the callback is not done with what it got."""
        return bool(self._paused)

    def _readable(self, source: Source) -> None:
        data = self._read(source)
        waiting = self._hand_on(source, data) if data else None
        if waiting is None or source not in self._ends:
            return
        self._loop.remove_reader(self._ends[source])
        future = self._paused[source] = asyncio.ensure_future(waiting)
        future.add_done_callback(lambda done: self._resume(source, done))

    def _resume(self, source: Source, done: asyncio.Future[None]) -> None:
        self._paused.pop(source, None)
        self.last_at = time.monotonic()
        if not done.cancelled() and isinstance(error := done.exception(), Exception):
            self._failed(error)
        if source in self._ends and not self._finishing:
            self._loop.add_reader(self._ends[source], self._readable, source)

    def _read(self, source: Source) -> bytes:
        """What is there, at most one chunk; nothing if there is nothing now or the pipe has ended, which is noted."""
        try:
            data = os.read(self._ends[source], CHUNK_BYTES)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            self._close(source)
            return b""
        self.last_at = time.monotonic()
        if source is Source.STDOUT:
            self._printed = True
        elif not self._printed:
            self.first_error_bytes = (self.first_error_bytes + data)[:FIRST_BYTES]
        return data

    def _hand_on(self, source: Source, data: bytes) -> Awaitable[None] | None:
        if self._room is not None:
            self.dropped_bytes += max(len(data) - self._room, 0)
            data = data[: self._room]
            self._room -= len(data)
            if not data:
                return None
        try:
            answer = self._on_output(source, data)
            return answer if isawaitable(answer) else None
        except Exception as error:  # noqa: BLE001 - the caller's code: its error ends the run, in `run`, not in the event loop
            self._failed(error)
            return None

    async def ended(self, within: float) -> bool:
        """Wait for the end of both pipes, at most this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._all_ended.wait()
        return self._all_ended.is_set()

    async def finish(self) -> None:
        """Take what is still in the pipes, without waiting for more, and close them."""
        self._finishing = True
        for fd in self._ends.values():
            self._loop.remove_reader(fd)
        if self._paused:
            await asyncio.wait(list(self._paused.values()))
        for source in list(self._ends):
            rest = REST_BYTES
            while rest > 0 and source in self._ends and (data := self._read(source)):
                rest -= len(data)
                waiting = self._hand_on(source, data)
                if waiting is not None:
                    await waiting
        self.close()

    def _close(self, source: Source) -> None:
        fd = self._ends.pop(source, None)
        if fd is not None:
            self._loop.remove_reader(fd)
            os.close(fd)
        if not self._ends:
            self._all_ended.set()

    def close(self) -> None:
        """Stop reading, whatever is left."""
        for future in list(self._paused.values()):
            future.cancel()
        for source in list(self._ends):
            self._close(source)


class Input:
    """Writes bytes to a process that may read them slowly, in part, or never."""

    def __init__(self, fd: int, data: bytes) -> None:
        self._loop = asyncio.get_running_loop()
        self._fd: int | None = fd
        self._rest = memoryview(data)
        os.set_blocking(fd, False)
        self._loop.add_writer(fd, self._writable)

    def _writable(self) -> None:
        if self._fd is None:
            return
        try:
            self._rest = self._rest[os.write(self._fd, self._rest[:CHUNK_BYTES]) :]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # it does not want to be told more
            self._rest = self._rest[:0]
        if not self._rest:
            self.close()

    def close(self) -> None:
        """End of the input, whatever is left."""
        if self._fd is not None:
            self._loop.remove_writer(self._fd)
            os.close(self._fd)
            self._fd = None
