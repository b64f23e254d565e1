"""Makes the jobs of schedules that are due. Several may do it at once: each tick is made by one of them, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from jobtrail.core.errors import (
    ConcurrentUpdate,
    Conflict,
    JobtrailError,
    Limited,
    Misconfigured,
    StaleSchema,
    Unavailable,
)
from jobtrail.service import ticking
from jobtrail.service.ticking import Made, Waiting
from jobtrail.store.identity import new_ids
from jobtrail.store.query import Query, nothing
from jobtrail.worker.link import Link

log = logging.getLogger("jobtrail.upkeep")

LOOK_SECONDS: Final = 0.5
"""How often the schedules are looked at; what is due before the next look is waited for."""


class Scheduler:
    """Makes ticks for all workspaces."""

    def __init__(self, link: Link, hear: Callable[[str], None]) -> None:
        self._link, self._hear = link, hear

    async def make(self) -> None:
        """Makes all that is due now, and what becomes due before the next look."""
        while True:
            while await self.make_due():
                pass
            wait = await self._link.once(ticking.next_due_seconds())
            if wait is None or wait > LOOK_SECONDS:
                return
            await asyncio.sleep(max(wait, 0.01))

    async def make_due(self) -> int:
        """Makes what is due now; answers of how many schedules."""
        made = 0
        for one in await self._link.once(ticking.due()):
            made += await self._make(one)
        return made

    async def _make(self, one: Waiting) -> bool:
        """Whether anything was made. A schedule that can make no job is paused, with the reason; it stops no other."""
        try:
            return await self._told(await self._link.once(ticking.make(*one, new_ids)))
        except (Unavailable, ConcurrentUpdate, Misconfigured, StaleSchema):
            raise  # it is no fault of the schedule, which is due until somebody makes it
        except (Conflict, Limited) as error:
            await self._link.once(ticking.make(*one, new_ids, refused=str(error)))
            return True
        except JobtrailError as error:
            log.warning("schedule %s is paused, for it can make no job: %s", one.id, error)
            await self._link.once(ticking.break_off(*one, str(error)))
            return True

    async def _told(self, made: Made | None) -> bool:
        if made is not None and made.jobs:
            self._hear(made.queue)
            await self._link.once(Query("verbs/nudge", (made.queue,), nothing))
        return made is not None
