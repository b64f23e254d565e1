"""What an attempt may spend: reserved before its code begins and while it runs. The database decides; here it is obeyed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from jobtrail.core.budget import Grant
from jobtrail.core.errors import BudgetExceeded, JobtrailError, StaleAttempt
from jobtrail.core.outcome import Fail, Waits
from jobtrail.service import reserving
from jobtrail.service.reserving import Permit
from jobtrail.worker.running import BUDGET, LOST, Running

_SHORTEST_SECONDS: Final = 0.05


class Purse:
    """The budgets of one attempt. Where one limits time, it looks at them again when that may be over."""

    def __init__(self, execute: Callable[[Any], Awaitable[Any]], running: Running) -> None:
        self._execute, self._running = execute, running
        self._watch: asyncio.Task[None] | None = None

    async def open(self) -> Fail | None:
        """Reserves before the code begins; a failure when nothing is left. Raises Waits when the job waits instead."""
        permit: Permit = await self._execute(reserving.reserve(self._running.fence))
        if permit.refused is not None:
            return Fail(BUDGET, permit.refused, final=True)
        if permit.waits is not None:
            raise Waits(permit.waits)
        self._look_again(permit.grant)
        return None

    async def taken(self, permit: Permit) -> Grant:
        """What a reservation while the code runs gave. Raises Waits, and BudgetExceeded, with which the attempt stops."""
        if permit.waits is not None:
            raise Waits(permit.waits)
        if permit.refused is not None:
            self._running.stop(BUDGET, permit.refused)
            await asyncio.sleep(0)  # code in this very task is interrupted here
            raise BudgetExceeded(permit.refused)
        self._look_again(permit.grant)
        return permit.grant

    def close(self) -> None:
        """The attempt is over."""
        if self._watch is not None:
            self._watch.cancel()

    def _look_again(self, grant: Grant) -> None:
        self.close()
        if grant.seconds is not None:
            self._watch = asyncio.create_task(self._watching(grant.seconds))

    async def _watching(self, seconds: float) -> None:
        """Time passes without a word of the code: who has used it up is stopped, or its job waits."""
        while True:
            await asyncio.sleep(max(seconds, _SHORTEST_SECONDS))
            with contextlib.suppress(JobtrailError):
                try:
                    permit: Permit = await self._execute(reserving.reserve(self._running.fence, look=True))
                except StaleAttempt:
                    return
                if permit.refused is not None:
                    self._running.stop(BUDGET, permit.refused)
                if permit.waits is not None:
                    self._running.stop(LOST, "its job waits for a budget")  # the attempt has ended
                if permit.grant.seconds is None:
                    return
                seconds = permit.grant.seconds
