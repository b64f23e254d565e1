"""Limits and fairness in a worker that works: nothing above a limit, nothing left lying below it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from database import Database
from scene import ME, SERVES_ALL, WORKSPACE, new_job
from worker.at_work import Scene, wait_until
from worker.at_work import scene as staged

from jobtrail.client import Client
from jobtrail.core.limits import LimitScope, Rate
from jobtrail.service import jobs
from jobtrail.store.db import run


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with staged(database, tmp_path) as scene:
        yield scene


class Gauge:
    """How many run now, and how many ever did at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def hold(self, seconds: float = 0.02, slots: int = 1) -> None:
        self.now += slots
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.now -= slots


def test_a_queue_is_used_up_to_its_limit_and_no_further(scene: Scene) -> None:
    gauge = Gauge()

    @scene.app.job("held")
    async def held() -> None:
        await gauge.hold()

    scene.client.limits.set(LimitScope.QUEUE, "default", max_slots=3)
    jobs = [held.enqueue() for _ in range(20)]
    with scene.work(slots=8), scene.work(slots=8):
        for job in jobs:
            assert scene.ends(job).status == "COMPLETED"
    assert gauge.most == 3


def test_a_limit_that_is_raised_holds_at_once_while_the_worker_works(scene: Scene) -> None:
    go, started = threading.Event(), []

    @scene.app.job("held")
    def held(n: int) -> None:
        started.append(n)
        assert go.wait(60)

    scene.client.limits.set(LimitScope.TYPE, "held", max_slots=1)
    jobs = [held.enqueue(n=n) for n in range(3)]
    with scene.work(slots=4):
        wait_until(lambda: len(started) == 1, "one starts")
        scene.client.limits.set(LimitScope.TYPE, "held", max_slots=2)
        wait_until(lambda: len(started) == 2, "another one starts")
        for one in scene.client.limits.list():
            assert (one.used_slots, one.full) == (2, True)
            scene.client.limits.remove(one.id)
        wait_until(lambda: len(started) == 3, "the last one starts")
        go.set()
        for job in jobs:
            scene.ends(job)


def test_jobs_of_one_key_never_run_together(scene: Scene) -> None:
    gauges = {"a": Gauge(), "b": Gauge()}

    @scene.app.job("sync", concurrency_key="customer:{customer}")
    async def sync(customer: str) -> None:
        await gauges[customer].hold(0.01)

    jobs = [sync.enqueue(customer) for _ in range(3) for customer in ("a", "b")]
    jobs += [sync.enqueue(customer=customer) for _ in range(3) for customer in ("a", "b")]
    assert {job.job().concurrency_key for job in jobs} == {"customer:a", "customer:b"}
    with scene.work(slots=8), scene.work(slots=8):
        for job in jobs:
            assert scene.ends(job).status == "COMPLETED"
    assert [gauge.most for gauge in gauges.values()] == [1, 1]


def test_a_job_of_several_slots_takes_them_and_is_not_starved(scene: Scene) -> None:
    gauge = Gauge()
    enough = asyncio.Event()

    @scene.app.job("light")
    async def light() -> None:
        await gauge.hold()

    @scene.app.job("heavy", slots=3)
    async def heavy() -> None:
        await gauge.hold(slots=3)
        enough.set()

    jobs: list[Any] = [light.enqueue() for _ in range(8)]
    big = heavy.enqueue()
    jobs += [light.enqueue() for _ in range(60)]
    with scene.work(slots=4):
        ended = scene.ends(big)
        for job in jobs:
            scene.ends(job)
    assert (gauge.most <= 4, gauge.now, ended.slots) == (True, 0, 3)
    later = [job.job().started_at for job in jobs[8:]]
    assert ended.started_at is not None
    assert all(at is not None and at >= ended.started_at for at in later)


def test_a_job_that_wants_more_slots_than_there_are_keeps_nobody_else(scene: Scene) -> None:
    @scene.app.job("any")
    async def any_() -> str:
        return "ran"

    huge = any_.using(slots=5).enqueue()
    small = any_.enqueue()
    with scene.work(slots=4):
        assert small.result(timeout=60) == "ran"
    assert huge.job().status == "QUEUED"


def test_what_a_rate_holds_back_starts_when_its_time_has_come(scene: Scene) -> None:
    @scene.app.job("call")
    async def call() -> None:
        return None

    scene.client.limits.set(LimitScope.QUEUE, "default", rate=Rate(2, 0.4))
    jobs = [call.enqueue() for _ in range(7)]
    with scene.work(slots=8, poll_seconds=30.0):
        starts = sorted(at for job in jobs if (at := scene.ends(job).started_at) is not None)
    for first, third in zip(starts, starts[2:], strict=False):
        assert (third - first).total_seconds() >= 0.399, "never three in any 0.4 s"


def test_who_comes_with_little_does_not_wait_for_a_crowd(scene: Scene, database: Database) -> None:
    go = threading.Event()
    order: list[str] = []

    @scene.app.job("work")
    async def work(who: str) -> None:
        order.append(who)
        while not go.is_set():
            await asyncio.sleep(0.001)

    with Client(database.app_url, workspace=UUID(int=7)) as other:
        crowd = scene.app.enqueue_many([work.new(who="crowd") for _ in range(300)])
        with scene.work(slots=4):
            wait_until(lambda: len(order) == 4, "the crowd has all slots")
            other.enqueue_all([work.new(who="one") for _ in range(5)])
            go.set()
            wait_until(lambda: order.count("one") == 5, "the other's jobs start")
        assert len(order) < 100, f"{len(order)} of {len(crowd)} went first"


def test_a_hint_that_comes_while_a_claim_is_under_way_is_heard(scene: Scene, database: Database) -> None:
    @scene.app.job("quick")
    async def quick() -> None:
        return None

    with scene.work(poll_seconds=3_600.0, upkeep=False) as at_work, closing(database.connect()) as conn:
        worker = at_work.worker
        assert worker is not None
        take, made = worker._claims.take, list[UUID]()

        async def taking(once: Any, queue: str, free: int) -> Any:
            taken = await take(once, queue, free)
            if not taken and not made:  # it came too late for this one
                made.extend(
                    run(conn, jobs.enqueue(WORKSPACE, [new_job(type="quick", input=b"{}")], ME), SERVES_ALL).ids
                )
                worker._hear("default")
            return taken

        def watch() -> None:
            worker._claims.take = taking  # type: ignore[method-assign]
            worker._hear("default")

        at_work.soon(watch)
        wait_until(lambda: bool(made) and scene.client.get(made[0]).status == "COMPLETED", "the job is done")
