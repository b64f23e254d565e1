"""Enqueues that share commits: none waits for a sender that has just looked and gone."""

from __future__ import annotations

import asyncio
from uuid import UUID

from scene import ME, WORKSPACE, new_job

from jobtrail.core.model import Actor
from jobtrail.service.jobs import Accepted
from jobtrail.web.batching import Batcher, Wanted


async def test_an_enqueue_that_comes_as_the_last_senders_end_is_sent() -> None:
    under_way, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def send(_workspace: UUID, _actor: Actor, group: list[Wanted]) -> None:
        under_way.release()
        await go_on.wait()
        for wanted in group:
            wanted.tell(Accepted(wanted.job.id, is_new=True))

    batcher = Batcher(send, at_once=1)

    async def enqueue() -> Accepted:
        return await batcher.enqueue(WORKSPACE, ME, new_job(), None)

    async def late() -> Accepted:
        await go_on.wait()  # wakes behind both senders, in the very turn of the loop in which they end
        return await enqueue()

    first = [asyncio.create_task(enqueue()) for _ in range(2)]
    for _ in first:
        await under_way.acquire()
    last = asyncio.create_task(late())
    await asyncio.sleep(0)
    go_on.set()
    async with asyncio.timeout(30):
        assert (await last).is_new
        assert all([(await task).is_new for task in first])
    await batcher.aclose()
