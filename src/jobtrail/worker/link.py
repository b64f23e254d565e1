"""A worker's way to the database: insists while it is away, and groups the ends of attempts into few commits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg

from jobtrail.core.errors import JobtrailError, StaleAttempt, Unavailable
from jobtrail.core.fence import Fence
from jobtrail.service import attempts
from jobtrail.service.attempts import Completed, Failed
from jobtrail.store.db import AsyncConnection, arun
from jobtrail.store.pool import Dial, aconnect

log = logging.getLogger("jobtrail.worker")


class Link:
    """One connection that comes back. `execute` returns or raises what the verb raises, never that the database is
    away: it waits, with jittered backoff up to 5 s. Only verbs that may run twice go through it."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._conn: AsyncConnection | None = None
        self._lock = asyncio.Lock()

    async def execute(self, work: Any) -> Any:
        """Runs a verb, however long the database is away."""
        wait = 0.05
        while True:
            try:
                return await self.once(work)
            except Unavailable as error:
                if wait >= 1.0:
                    log.warning("the database is away, still trying: %s", error)
                await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311  (no secret)
                wait = min(wait * 2, 5.0)

    async def once(self, work: Any) -> Any:
        """Runs a verb; raises Unavailable when the database is away, and then the verb may have run."""
        async with self._lock:
            if self._conn is None or self._conn.closed:
                self._conn = await aconnect(self._dial)
            try:
                return await arun(self._conn, work, self._dial.scope)
            except (Unavailable, psycopg.InterfaceError) as error:
                await self._drop()
                raise Unavailable(str(error)) from error
            except asyncio.CancelledError:
                await asyncio.shield(self._drop())  # a cancelled statement leaves the connection in an unknown state
                raise

    async def close(self) -> None:
        """Closes the connection."""
        async with self._lock:
            await self._drop()

    async def _drop(self) -> None:
        if self._conn is not None:
            conn, self._conn = self._conn, None
            await conn.close()


class Finisher:
    """Ends attempts that succeeded, all that wait in one statement; what ends meanwhile goes with the next."""

    def __init__(
        self,
        link: Link,
        stale: Callable[[UUID], None],
        wrote: Callable[[Sequence[Completed]], None] = lambda _: None,
        most: int = 1_000,
    ) -> None:
        self._link, self._stale, self._wrote, self._most = link, stale, wrote, most
        self._waiting: list[Completed] = []
        self._writing: list[Completed] = []
        self._wanted = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, done: Completed) -> None:
        """Takes an end."""
        self._waiting.append(done)
        self._idle.clear()
        self._wanted.set()
        if len(self._waiting) >= self._most:
            self._room.clear()

    @property
    def unwritten(self) -> list[UUID]:
        """The attempts whose end is not written yet."""
        return [one.fence.attempt_id for one in (*self._writing, *self._waiting)]

    async def room(self) -> None:
        """Waits while too many ends wait: then the database is the slow one, and more claims would not help."""
        await self._room.wait()

    async def settled(self) -> None:
        """Waits until all ends are written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            await self._wanted.wait()
            self._writing, self._waiting = self._waiting[:500], self._waiting[500:]
            if not self._waiting:
                self._wanted.clear()
            for fence in await self._write(self._writing):
                self._stale(fence.attempt_id)
            written, self._writing = self._writing, []
            self._wrote(written)
            if len(self._waiting) < self._most:
                self._room.set()
            if not self._waiting:
                self._idle.set()

    async def _write(self, batch: list[Completed]) -> list[Fence]:
        """Answers those that were stale. A result that cannot be stored fails its own job, and no other."""
        try:
            stale: list[Fence] = await self._link.execute(attempts.complete(batch))
        except JobtrailError as error:
            if len(batch) > 1:
                return [fence for one in batch for fence in await self._write([one])]
            await give_up(self._link.execute, batch[0].fence, error)
            return []
        return stale


async def give_up(execute: Callable[[Any], Awaitable[Any]], fence: Fence, error: JobtrailError) -> None:
    """Fails a job whose end the database refuses as it is; else its attempt would stay open for ever."""
    log.error("the end of job %s cannot be stored: %s", fence.job_id, error)
    with contextlib.suppress(StaleAttempt):
        await execute(attempts.fail(Failed(fence, "unstorable", f"its end cannot be stored: {error}")))
