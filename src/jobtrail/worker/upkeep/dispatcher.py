"""Tells the webhooks what is new in the trail: makes their deliveries, which workers then send like any other job."""

from __future__ import annotations

from collections.abc import Callable

from jobtrail.core.webhooks import QUEUE
from jobtrail.service import deliveries
from jobtrail.store.identity import new_ids
from jobtrail.store.query import Query, nothing
from jobtrail.worker.link import Link


class Dispatcher:
    """Dispatches for all workspaces."""

    def __init__(self, link: Link, hear: Callable[[str], None]) -> None:
        self._link, self._hear = link, hear

    async def dispatch(self) -> None:
        """Dispatches up to now."""
        more = True
        while more:
            done = await self._link.once(deliveries.dispatch(new_ids))
            if done.made:
                self._hear(QUEUE)
                await self._link.once(Query("verbs/nudge", (QUEUE,), nothing))
            more = done.more
