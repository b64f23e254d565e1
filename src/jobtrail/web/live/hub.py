"""The hub: all streams of a process. It reads the tables by one connection and tells only what they hold."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Hashable
from contextlib import aclosing
from dataclasses import replace
from typing import Final, TypeAlias
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.core.filter import Filter
from jobtrail.store.db import ALL
from jobtrail.store.pool import Dial
from jobtrail.store.wake import Listener as Hints
from jobtrail.web.live import frame
from jobtrail.web.live.changes import Changes
from jobtrail.web.live.cursor import LONG_AGO, Cursor, beginning, since_of
from jobtrail.web.live.listener import REVOKED, SHUTDOWN, Counts, Limits, Listener
from jobtrail.web.live.pulse import Pulse
from jobtrail.web.live.reader import Reader
from jobtrail.web.live.tail import Follower, Tail, check_filter
from jobtrail.web.live.watch import Watch, Watcher
from jobtrail.worker.pause import until

log = logging.getLogger("jobtrail.web")

KeyRef: TypeAlias = Hashable
"""Names the key or login by which somebody listens; None: whoever may listen now may do so for ever."""

StillAllowed: TypeAlias = Callable[[frozenset[KeyRef]], Awaitable[Collection[KeyRef]]]
"""Answers which of these may still listen. Asked for all listeners at once."""

BUSY: Final = "busy"
FAILED: Final = "failed"
_LEAVE_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 1.0


async def _everybody(refs: frozenset[KeyRef]) -> Collection[KeyRef]:
    return refs


class Hub:
    """Streams of jobs and of workspaces for any number of listeners.

    Who opens a stream has asked before whether they may; `still_allowed` is asked again and again from then on. It
    should take no longer than some seconds; while it cannot be asked for long, streams stand still but stay open.
    """

    def __init__(
        self, dial: Dial, *, still_allowed: StillAllowed = _everybody, limits: Limits = Limits(), hints: bool = True
    ) -> None:
        self.counts = Counts()
        self._limits, self._still_allowed = limits, still_allowed
        self._reader = Reader(dial)
        self._tail_pulse, self._watch_pulse = Pulse(limits.eager_seconds), Pulse(limits.eager_seconds)
        self._tail = Tail(self._reader, limits, self.counts, self._tail_pulse)
        self._watch = Watch(self._reader, limits, self.counts, self._watch_pulse)
        self._listeners: set[Listener] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._recheck = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._closing = False
        named = replace(dial, workspace=ALL, name="jobtrail-hints", hot=False)
        self._hints = Hints(named, self.hint) if hints and not dial.pgbouncer else None

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    async def start(self) -> None:
        """Begins to serve; the database may be away."""
        loops = [self._tail.run, self._watch.run, self._check]
        if self._hints is not None:
            loops.append(self._hints.listen)
        self._tasks = [asyncio.create_task(self._kept_up(loop)) for loop in loops]

    async def aclose(self) -> None:
        """Ends all streams, each with `event: closed`, and closes the connection. Listeners get 2 s to leave."""
        self._closing = True
        for listener in self._listeners:
            listener.close(SHUTDOWN)
        await until(self._empty, _LEAVE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader.close()

    def hint(self, _queue: str = "") -> None:
        """Something may have changed: reads sooner, at most every 50 ms."""
        self._tail_pulse.hint()
        self._watch_pulse.hint()

    def recheck(self) -> None:
        """Asks at once who may still listen, as after a key was revoked here."""
        self._recheck.set()

    async def position(self) -> str:
        """The cursor of now, for a page that was just read and then listens on. Raises a JobtrailError."""
        standing = await self._reader.standing()
        return Cursor(standing.epoch, beginning(standing), since_of(standing.now, LONG_AGO)).text()

    def job(
        self,
        workspace: UUID,
        job_id: UUID,
        after: int | None = None,
        allowed: KeyRef | None = None,
        *,
        logs: bool = True,
    ) -> AsyncGenerator[bytes, None]:
        """A job's events after a sequence number (None: all), its log lines and its progress, to its end.

        A reader that comes back may get lines once more that were stored since its last event; lines have numbers.
        """
        listener = Listener(allowed, self._limits, self.counts)
        line = (0 if after else 1) if logs else None
        watcher = Watcher(listener, (workspace, job_id), max(after or 0, 0), line)
        return self._stream(
            listener, lambda: self._watch.begin(watcher, resumed=bool(after)), lambda: self._watch.leave(watcher)
        )

    def workspace(
        self, workspace: UUID, filter: Filter = Filter(), cursor: str | None = None, allowed: KeyRef | None = None
    ) -> AsyncGenerator[bytes, None]:
        """A workspace's events after a cursor in the order of transactions, in which the `seq` of a job only grows.

        None: from the moment on when the stream is open, which `stream.open` tells; who must not miss what comes
        before that takes the cursor of `position`.

        Raises Invalid for what a stream cannot be filtered by.
        """
        check_filter(filter)
        listener = Listener(allowed, self._limits, self.counts)
        follower = Follower(listener, workspace, filter)
        return self._stream(listener, lambda: self._tail.begin(follower, cursor), lambda: self._tail.leave(follower))

    def changes(self, workspace: UUID, allowed: KeyRef | None = None) -> AsyncGenerator[bytes, None]:
        """Which jobs of a workspace changed, from now on, gathered to at most four tellings a second: for pages, which
        look at the jobs themselves."""
        listener = Listener(allowed, self._limits, self.counts, frame.ALIVE)
        changes = Changes(listener)
        follower = Follower(listener, workspace, Filter(), changes=changes)

        def leave() -> None:
            changes.stop()
            self._tail.leave(follower)

        return self._stream(listener, lambda: self._tail.begin(follower, None), leave)

    async def _stream(
        self, listener: Listener, begin: Callable[[], Awaitable[None]], leave: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        if self._closing or len(self._listeners) >= self._limits.listeners:
            listener.close(SHUTDOWN if self._closing else BUSY)
        self._listeners.add(listener)
        self._empty.clear()
        task = asyncio.create_task(_begun(listener, begin))
        try:
            async with aclosing(listener.frames()) as frames:
                async for data in frames:
                    yield data
        finally:
            task.cancel()
            leave()
            self._listeners.discard(listener)
            if not self._listeners:
                self._empty.set()

    async def _kept_up(self, loop: Callable[[], Awaitable[None]]) -> None:
        """A loop that fails was in the middle of something: streams end, and their readers resume where they were."""
        while True:
            try:
                await loop()
            except Exception:
                log.exception("streams end, for their loop failed")
                for listener in self._listeners:
                    listener.close(FAILED)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _check(self) -> None:
        checked_at = time.monotonic()
        while True:
            await until(self._recheck, self._limits.check_seconds)
            self._recheck.clear()
            if await self._checked():
                checked_at = time.monotonic()
                self._reader.trusted.set()
            elif time.monotonic() - checked_at > self._limits.trust_seconds:
                self._reader.trusted.clear()

    async def _checked(self) -> bool:
        refs = frozenset(listener.allowed for listener in self._listeners if listener.allowed is not None)
        if not refs:
            return True
        try:
            async with asyncio.timeout(self._limits.check_seconds):
                still = set(await self._still_allowed(refs))
        except (JobtrailError, TimeoutError) as error:
            log.warning("streams could not ask who may still listen: %r", error)
            return False
        for listener in self._listeners:
            if listener.allowed in refs and listener.allowed not in still:
                listener.close(REVOKED)
        return True


async def _begun(listener: Listener, begin: Callable[[], Awaitable[None]]) -> None:
    try:
        if listener.closed is None:
            await begin()
    except Exception:
        log.exception("a stream ends, for it could not begin")
        listener.close(FAILED)
