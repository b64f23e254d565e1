"""Counts how attempts of each type end in this process, and tells it to the breakers: failures soon, the rest each second."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.service import breakers
from jobtrail.service.breakers import Moved, Outcomes

log = logging.getLogger("jobtrail.worker")

_SECONDS: Final = 1.0
_SOON_SECONDS: Final = 0.1


class Tally:
    """What ended since it was told last. What a process counted and could not tell any more is forgotten."""

    def __init__(self, execute: Callable[[Any], Awaitable[Any]]) -> None:
        self._execute = execute
        self._completed: defaultdict[tuple[UUID, str], int] = defaultdict(int)
        self._failed: defaultdict[tuple[UUID, str], int] = defaultdict(int)
        self._timed_out: defaultdict[tuple[UUID, str], int] = defaultdict(int)
        self._news = asyncio.Event()
        self._bad_news = asyncio.Event()

    def completed(self, workspace: UUID, type: str) -> None:
        """One more that did its job."""
        self._completed[workspace, type] += 1
        self._news.set()

    def failed(self, workspace: UUID, type: str, *, timed_out: bool = False) -> None:
        """One more that did not, and that may be tried again."""
        (self._timed_out if timed_out else self._failed)[workspace, type] += 1
        self._news.set()
        self._bad_news.set()

    async def run(self) -> None:
        """Tells until it is cancelled."""
        while True:
            await self._news.wait()
            try:
                await asyncio.wait_for(self._bad_news.wait(), _SECONDS)
                await asyncio.sleep(_SOON_SECONDS)  # those that fail together are told together
            except TimeoutError:
                pass
            try:
                await self.flush()
            except JobtrailError as error:
                log.warning("breakers were not told how attempts ended: %s", error)

    async def flush(self) -> None:
        """Tells what there is."""
        self._news.clear()
        self._bad_news.clear()
        counts = (self._completed, self._failed, self._timed_out)
        keys = sorted({key for count in counts for key in count})
        told = [Outcomes(*key, *(count.get(key, 0) for count in counts)) for key in keys]
        for count in counts:
            count.clear()
        moved: list[Moved] = await self._execute(breakers.tell(told)) if told else []
        for one in moved:
            log.warning("the breaker of type %s is %s: %s", one.type, one.becomes, one.reason)
