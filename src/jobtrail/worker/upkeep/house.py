"""Who keeps house, and when each duty is done. Every duty may run anywhere, at any time, twice: the lease saves work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.service import gates, upkeep, workers
from jobtrail.service.workers import Calm
from jobtrail.store.query import Query, nothing
from jobtrail.store.wake import ORDERS
from jobtrail.worker.link import Link
from jobtrail.worker.pause import until
from jobtrail.worker.plan import Plan
from jobtrail.worker.upkeep import breakers, budgets, leftovers, retention
from jobtrail.worker.upkeep.dispatcher import Dispatcher
from jobtrail.worker.upkeep.scheduler import LOOK_SECONDS, Scheduler
from jobtrail.worker.upkeep.sealer import Sealer
from jobtrail.worker.upkeep.settler import Settler

log = logging.getLogger("jobtrail.upkeep")

LEASE_SECONDS = 5.0
STAGE_SECONDS = 0.2
"""How often timers are looked at when no nearer one is known."""

Hear = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done every `seconds`."""

    name: str
    seconds: float
    do: Callable[[], Awaitable[object]]


async def keep(
    link: Link, worker_id: UUID, plan: Plan, hear: Hear, news: asyncio.Event, calm_seconds: Callable[[], float]
) -> None:
    """Keeps house while this worker is elected; until it is cancelled. `calm_seconds` says for how long the database
    has answered all the time."""
    stager = Stager(link, hear, news)
    duties = [
        Duty("rescue", 1.0, lambda: _rescue(link, hear, calm_seconds)),
        *_sealing(link, plan),
        Duty("settle", 0.2, Settler(link, hear).settle),
        Duty("dispatch", 0.5, Dispatcher(link, hear).dispatch),
        Duty("make ticks of schedules", LOOK_SECONDS, Scheduler(link, hear).make),
        Duty("days", 3600.0, lambda: retention.make_days(link)),
        Duty("retention", 600.0, lambda: retention.remove(link, plan.retention)),
        Duty("files", 6 * 3600.0, lambda: leftovers.remove(link, plan.assets_dir)),
        Duty("queues", 60.0, lambda: _measure(link)),
        Duty("breakers", breakers.SECONDS, lambda: breakers.review(link, hear)),
        Duty("budgets", 1.0, lambda: budgets.stir(link, hear)),
    ]
    while True:
        elected = False
        with contextlib.suppress(JobtrailError):
            elected = await link.once(upkeep.elect("house", worker_id, LEASE_SECONDS)) is not None
        if not elected:
            await asyncio.sleep(1.0)
            continue
        until = time.monotonic() + LEASE_SECONDS / 2
        tasks = [asyncio.create_task(_repeat(duty)) for duty in duties] + [asyncio.create_task(stager.run())]
        try:
            while elected:
                await asyncio.sleep(max(until - time.monotonic(), 0.1))
                until = time.monotonic() + LEASE_SECONDS / 2
                elected = await link.once(upkeep.elect("house", worker_id, LEASE_SECONDS)) is not None
        except JobtrailError as error:
            log.warning("upkeep pauses: %s", error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(duty: Duty) -> None:
    while True:
        try:
            await duty.do()
        except JobtrailError as error:
            log.warning("upkeep could not %s: %s", duty.name, error)
        except Exception:  # what one workspace has met a fault of ours; the others are not to wait for an election
            log.exception("upkeep stumbled over %s", duty.name)
        await asyncio.sleep(duty.seconds)


class Stager:
    """Moves what is due, within some milliseconds of its time: it knows when the next timer is due."""

    def __init__(self, link: Link, hear: Hear, news: asyncio.Event) -> None:
        self._link, self._hear, self._news = link, hear, news

    async def run(self) -> None:
        """Stages until it is cancelled."""
        while True:
            wait = STAGE_SECONDS
            try:
                wait = await self.stage()
            except JobtrailError as error:
                log.warning("upkeep could not stage: %s", error)
            await until(self._news, wait)
            self._news.clear()

    async def stage(self) -> float:
        """Moves what is due now; answers after how many seconds to look again."""
        staged: upkeep.Staged = await self._link.once(upkeep.stage())
        expired, queues = await self._link.once(gates.expire())
        for queue in {*staged.queues, *queues}:
            self._hear(queue)
            await self._link.once(Query("verbs/nudge", (queue,), nothing))
        if staged.moved or expired:
            self._hear(ORDERS)
            return 0.0
        return STAGE_SECONDS if staged.next_due_seconds is None else min(STAGE_SECONDS, staged.next_due_seconds)


def _sealing(link: Link, plan: Plan) -> list[Duty]:
    if plan.seal_key is None:
        return []
    return [Duty("seal", 0.5, Sealer(link, plan.seal_key, plan.anchor_file).seal)]


async def _rescue(link: Link, hear: Hear, calm_seconds: Callable[[], float]) -> None:
    now = await link.once(workers.clock())
    calm = Calm(now - timedelta(seconds=calm_seconds()), now)
    if await link.once(workers.rescue((), calm)):
        hear("")


async def _measure(link: Link) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    await link.once(upkeep.measure_queues(now))
