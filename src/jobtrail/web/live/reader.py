"""The one connection by which a process reads for all its listeners. It reads only while it knows who may still listen."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from dataclasses import replace
from typing import TypeVar

from jobtrail.core.errors import JobtrailError
from jobtrail.service import streams
from jobtrail.service.streams import Standing
from jobtrail.store.db import ALL
from jobtrail.store.pool import Dial
from jobtrail.store.query import Query
from jobtrail.worker.link import Link

T = TypeVar("T")

log = logging.getLogger("jobtrail.web")

_STATEMENT_MS = 2_000
_LONGEST_WAIT = 5.0
_PAST_AT_ONCE = 4


class Reader:
    """Runs one statement after the other. While `trusted` is not set nothing is read, and so nothing is told."""

    def __init__(self, dial: Dial) -> None:
        dial = replace(dial, workspace=ALL, name="jobtrail-streams", hot=False, statement_timeout_ms=_STATEMENT_MS)
        self._link = Link(dial)
        self._turn = asyncio.Lock()
        self.past = asyncio.Semaphore(_PAST_AT_ONCE)
        """Held by who reads the past, so that few of them stand in line before those who read what is new."""
        self.trusted = asyncio.Event()
        self.trusted.set()
        self.took = 0.0
        """Seconds that the last statement took, without the wait for its turn."""

    async def read(self, query: Query[T]) -> T:
        """Runs a statement. Raises a JobtrailError when the database is away, or took too long over it."""
        await self.trusted.wait()
        async with self._turn:
            began = time.monotonic()
            answer: T = await self._link.once(query)
            self.took = time.monotonic() - began
        return answer

    async def standing(self) -> Standing:
        """Where the trail stands now. Raises like `read`."""
        found = await self.read(streams.standing())
        assert found is not None, "the statement always answers one row"  # noqa: S101  (it has no table to be empty)
        return found

    async def close(self) -> None:
        """Closes the connection."""
        await self._link.close()


class Patience:
    """Waits longer each time that the database is away, up to 5 s, and says so once."""

    def __init__(self) -> None:
        self._wait = 0.05

    async def after(self, error: JobtrailError) -> None:
        """Waits before the next try."""
        if self._wait > 1.0:
            log.warning("streams wait for the database: %s", error)
        await asyncio.sleep(self._wait * random.uniform(0.5, 1.0))  # noqa: S311  (no secret)
        self._wait = min(self._wait * 2, _LONGEST_WAIT)

    def over(self) -> None:
        """The database has answered."""
        self._wait = 0.05
