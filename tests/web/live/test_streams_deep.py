"""Many listeners that are cut off again and again while much happens; and how long it takes from a commit to a frame."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import random
import re
import time
from contextlib import aclosing
from datetime import datetime
from uuid import UUID

import pytest
from database import Database
from scene import Scene
from web.live.listening import Ear, a_hub, heard_all, trail, unsteady
from web.live.writing import write

from jobtrail.web.live.hub import Hub
from jobtrail.web.live.listener import Limits

log = logging.getLogger("jobtrail.test")

DEEP = os.environ.get("JOBTRAIL_DEEP") == "1"
LISTENERS, ROUNDS, JOBS, CUT_BYTES = (200, 125, 50, 8e6) if DEEP else (8, 6, 5, 20_000.0)
_AT = re.compile(rb'"at":"([^"]+)"')


async def processes(database: Database, count: int, rounds: int, jobs: int, *, long: bool, a_second: float) -> None:
    """Writers that take no time from the hub's process."""
    spawn = multiprocessing.get_context("spawn")
    how = {"long": long, "a_second": a_second}
    running = [spawn.Process(target=write, args=(database, seed, rounds, jobs), kwargs=how) for seed in range(count)]
    for one in running:
        one.start()
    for one in running:
        await asyncio.to_thread(one.join)
    assert [one.exitcode for one in running] == [0] * count


@pytest.mark.timeout(1_500 if DEEP else 120)
async def test_every_listener_hears_everything_once_in_order_however_often_it_is_cut(
    database: Database, scene: Scene
) -> None:
    expected, known = list[bytes](), dict[bytes, int]()
    async with a_hub(database, Limits()) as hub:
        start = await hub.position()
        began = time.monotonic()
        listeners = [
            asyncio.create_task(unsteady(hub, scene.workspace, start, random.Random(seed), CUT_BYTES, expected, known))
            for seed in range(LISTENERS)
        ]
        await processes(database, 4, ROUNDS, JOBS, long=True, a_second=1.25)
        expected += trail(scene.conn)
        while not all(listener.done() for listener in listeners):
            scene.enqueue()
            await asyncio.wait(listeners, timeout=0.5)
        results = [listener.result() for listener in listeners]
        took = time.monotonic() - began
    cuts = sum(cuts for _, cuts in results)
    log.info("%d listeners, %d events, %d cuts, %.0f s, %s", LISTENERS, len(expected), cuts, took, hub.counts)
    assert len(expected) >= 4 * ROUNDS * JOBS * 4
    assert all(heard_all(heard, expected, known) for heard, _ in results)
    assert cuts >= (1_000 if DEEP else 8)


@pytest.mark.timeout(600 if DEEP else 120)
async def test_a_frame_follows_its_commit_soon(database: Database, scene: Scene) -> None:
    async with a_hub(database, Limits()) as hub:
        waits: list[float] = []
        listeners = [asyncio.create_task(timed(hub, scene.workspace, waits)) for _ in range(LISTENERS)]
        await Ear(hub.workspace(scene.workspace)).open().heard("stream.open")
        await processes(database, 4, 30 if DEEP else 3, 5, long=False, a_second=4.0)
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
    waits.sort()
    p50, p95, p99 = (waits[len(waits) * part // 100] * 1_000 for part in (50, 95, 99))
    log.info("commit to frame over %d: p50 %.0f ms, p95 %.0f ms, p99 %.0f ms", len(waits), p50, p95, p99)
    assert waits


async def timed(hub: Hub, workspace: UUID, waits: list[float]) -> None:
    """Seconds from the time of each event to its frame."""
    async with aclosing(hub.workspace(workspace)) as stream:
        async for data in stream:
            now = time.time()
            waits += [now - datetime.fromisoformat(at.decode()).timestamp() for at in _AT.findall(data)]
