"""Lets jobs go on that waited for others, wherever an end was written; whoever comes first does it, all may."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from jobtrail.core.errors import JobtrailError
from jobtrail.service import settling
from jobtrail.service.settling import Settled
from jobtrail.store.query import Query, nothing
from jobtrail.store.wake import ORDERS
from jobtrail.worker.link import Link

log = logging.getLogger("jobtrail.upkeep")

_PAUSE_SECONDS: Final = 0.02
"""A worker that ends many jobs looks no oftener than this whether somebody waited for them."""


class Settler:
    """Settles for all workspaces."""

    def __init__(self, link: Link, hear: Callable[[str], None]) -> None:
        self._link, self._hear = link, hear
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Settles after each `wake`, until it is cancelled."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            try:
                await self.settle()
            except JobtrailError as error:
                log.warning("cannot settle what has ended: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def settle(self) -> None:
        """Settles what can be settled now. What somebody holds is left for the next time."""
        more = bool(await self._link.once(settling.waits()))
        while more:
            done: Settled = await self._link.once(settling.page())
            for queue in {*done.queues, *([ORDERS] if done.orders else [])}:
                self._hear(queue)
                await self._link.once(Query("verbs/nudge", (queue,), nothing))
            more = done.moved
