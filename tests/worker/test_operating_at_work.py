"""Workers that are told from afar: to leave a queue alone, to drain, to stop when they have; and forks at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from database import Database
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.core.bulk import TYPE, Action, Order
from jobtrail.core.filter import Filter
from jobtrail.core.model import Worker
from jobtrail.core.status import FINAL, JobStatus
from jobtrail.runners import registry
from jobtrail.service import bulk, workers
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id
from jobtrail.store.query import Flow


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


def tell(scene: Scene, work: Flow[workers.Told]) -> workers.Told:
    with closing(scene.database.connect()) as conn:
        return run(conn, work, Scope.of(ALL))


def only(scene: Scene) -> Worker:
    (worker,) = [one for one in scene.client.workers() if one.stopped_at is None]
    return worker


def test_one_worker_leaves_a_queue_alone_and_goes_on_with_the_others(scene: Scene) -> None:
    @scene.app.job("left", queue="left")
    def left() -> str:
        return "left"

    @scene.app.job("other", queue="other")
    def other() -> str:
        return "other"

    with scene.work(queues=("left", "other"), beat_seconds=0.1) as at_work:
        worker = at_work.worker
        assert worker is not None
        assert scene.ends(left.enqueue()).status == "COMPLETED"
        tell(scene, workers.leave_queue(worker.id, "left", scene.client.actor))
        wait_until(lambda: worker.left_alone == {"left"}, "the worker hears of it")
        waits = left.enqueue()
        assert scene.ends(other.enqueue()).status == "COMPLETED"
        assert waits.job().status == "QUEUED"
        tell(scene, workers.leave_queue(worker.id, "left", scene.client.actor, leave=False))
        assert scene.ends(waits).status == "COMPLETED"


def test_a_worker_that_drains_takes_nothing_and_can_be_let_go_on(scene: Scene) -> None:
    begun, release = threading.Event(), threading.Event()

    @scene.app.job("slow")
    def slow() -> str:
        begun.set()
        assert release.wait(60)
        return "done"

    with scene.work(queues=("default",), beat_seconds=0.1) as at_work:
        worker, running = at_work.worker, slow.enqueue()
        assert worker is not None and begun.wait(60)
        tell(scene, workers.drain(worker.id, scene.client.actor, "a new kernel"))
        wait_until(lambda: worker.left_alone == {"default"}, "the worker hears of it")
        waits = slow.enqueue()
        release.set()
        assert scene.ends(running).status == "COMPLETED"
        seen = only(scene)
        assert (seen.draining_at is not None, seen.drain_reason, seen.running) == (True, "a new kernel", 0)
        assert waits.job().status == "QUEUED"
        tell(scene, workers.undrain(worker.id, scene.client.actor))
        assert scene.ends(waits).status == "COMPLETED"
        assert only(scene).draining_at is None


def test_a_worker_that_is_to_stop_ends_when_what_it_runs_has_however_long_that_takes(scene: Scene) -> None:
    begun, release = threading.Event(), threading.Event()

    @scene.app.job("slow")
    def slow() -> str:
        begun.set()
        assert release.wait(60)
        return "done"

    with scene.work(queues=("default",), beat_seconds=0.1, drain_seconds=0.0) as at_work:
        worker, running = at_work.worker, slow.enqueue()
        assert worker is not None and begun.wait(60)
        tell(scene, workers.drain(worker.id, scene.client.actor, stop=True))
        wait_until(lambda: worker.left_alone == {"default"}, "the worker hears of it")
        assert at_work.thread.is_alive()
        release.set()
        at_work.join()
        assert scene.ends(running).status == "COMPLETED"
        assert [one.stop_reason for one in scene.client.workers()] == ["stopped"]


def test_an_idle_worker_that_is_to_stop_ends_at_once(scene: Scene) -> None:
    with scene.work(queues=("default",), beat_seconds=0.1) as at_work:
        assert at_work.worker is not None
        tell(scene, workers.drain(at_work.worker.id, scene.client.actor, stop=True))
        at_work.join()


def test_a_fork_goes_on_where_it_left_its_job(scene: Scene) -> None:
    ran: list[str] = []

    def made(name: str) -> str:
        ran.append(name)
        return name.upper()

    @scene.app.job("report", retry=1)
    async def report(ctx: jt.Context, ending: str = "bad") -> list[str]:
        first = await ctx.step("fetch", made, "fetch")
        second = await ctx.step("render", made, "render")
        if ending == "bad":
            raise ValueError("no ending")
        return [first, second, ending]

    with scene.work(queues=("default",)):
        failed = report.enqueue()
        assert scene.ends(failed).status == "FAILED"
        forked = scene.client.fork(failed.id, from_step="render", input={"ending": "good"})
        assert forked.steps == 1
        ended = scene.client.wait(forked.id)
    assert ended.job.status == "COMPLETED"
    assert ended.result is not None and ended.result.output == ["FETCH", "RENDER", "good"]
    assert ran == ["fetch", "render", "render"]


def test_a_redrive_takes_what_failed_in_waves_and_leaves_what_was_cancelled(scene: Scene) -> None:
    for runner in registry.load((TYPE,)).values():
        scene.app.add(runner)

    @scene.app.job("flaky", retry=1)
    async def flaky(ctx: jt.Context) -> str:
        if ctx.assignment.generation == 1:
            raise ValueError("not the first time")
        return "done"

    wanted = Order(action=Action.REDRIVE, filter=Filter(types=("flaky",)), rate_per_minute=1_200.0)
    assert wanted.wave == (500, 25.0)
    slow = Order(action=Action.REDRIVE, filter=Filter(types=("flaky",)), rate_per_minute=2.0)
    with scene.work(queues=("default",)):
        jobs = [flaky.enqueue() for _ in range(3)]
        assert {scene.ends(one).status for one in jobs} == {"FAILED"}
        cancelled = flaky.using(delay="1h").enqueue()
        scene.client.cancel(cancelled.id)
        operation = scene.client.run(bulk.enqueue(scene.client.workspace, new_id(), slow, scene.client.actor))
        wait_until(lambda: scene.client.get(operation).wait_reason == "SCHEDULE", "the first wave is over")
        waves = [one for one in jobs if one.job().generation == 2]
        assert len(waves) == 1, "the cancelled one is skipped, and two are acted on at most"
        while scene.client.get(operation).status not in FINAL:
            if scene.client.get(operation).wait_reason == "SCHEDULE":
                scene.client.start_now(operation)
        for one in jobs:
            wait_until(lambda one=one: one.job().status == "COMPLETED", "it is tried again")  # type: ignore[misc]
        result = scene.client.result(operation)
    assert result is not None
    assert (result.output["done"], result.output["why"]) == (3, {"it is CANCELLED": 1})
    assert cancelled.job().status == JobStatus.CANCELLED
