"""Bad days of a worker: jobs that must be stopped, shutdowns, lost answers, and a database that is away."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from database import Database
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt

AT_ONCE = jt.Retry(max_attempts=3, delay=0)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


class Held:
    """Async code that runs until it is stopped, and says what it saw."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.saw: list[str] = []

    async def run(self, ctx: jt.Context) -> None:
        self.began.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.saw.append(f"{ctx.desk.stop_reason} {ctx.cancelled}")
            raise


class Rounds:
    """Sync code in a thread, which cannot be interrupted and looks by itself."""

    def __init__(self) -> None:
        self.began, self.left = threading.Event(), threading.Event()

    def run(self, ctx: jt.SyncContext) -> None:
        self.began.set()
        while not ctx.cancelled:
            time.sleep(0.005)
        self.left.set()


def held(scene: Scene, **options: Any) -> tuple[Held, Any]:
    code = Held()

    @scene.app.job("held", **options)
    async def run(ctx: jt.Context) -> None:
        await code.run(ctx)

    return code, run.enqueue()


def test_cancel_interrupts_async_code_and_keeps_the_reason(scene: Scene) -> None:
    code, handle = held(scene)
    with scene.work():
        assert code.began.wait(60)
        scene.client.cancel(handle.id, "enough")
        job = scene.ends(handle)
    assert (job.status, job.cancel_reason, scene.attempts(handle)[0].status) == ("CANCELLED", "enough", "CANCELLED")
    assert code.saw == ["cancelled True"]


def test_cancel_reaches_sync_code_when_it_looks(scene: Scene) -> None:
    code = Rounds()

    @scene.app.job("rounds")
    def run(ctx: jt.SyncContext) -> None:
        code.run(ctx)

    handle = run.enqueue()
    with scene.work():
        assert code.began.wait(60)
        scene.client.cancel(handle.id)
        assert scene.ends(handle).status == "CANCELLED"
        assert code.left.wait(60)


def test_what_code_raises_when_it_is_told_to_stop_is_not_its_failure(scene: Scene) -> None:
    began = threading.Event()

    @scene.app.job("rude")
    async def rude() -> None:
        began.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError as error:
            raise RuntimeError("the connection was closed") from error

    handle = rude.enqueue()
    with scene.work() as worker:
        assert began.wait(60)
        worker.stop(at_once=True)
        worker.join()
    assert (handle.job().status, handle.job().failure_count) == ("QUEUED", 0)


def test_code_that_ignores_a_cancel_ends_as_it_ends_and_the_slot_is_as_it_was(scene: Scene) -> None:
    began = threading.Event()

    @scene.app.job("ignores")
    async def ignores() -> str:
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(600)
        return "all the same"

    @scene.app.job("cancels itself", retry=1)
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    handle = ignores.enqueue()
    with scene.work(slots=1):
        assert began.wait(60)
        scene.client.cancel(handle.id)
        assert handle.result(timeout=60) == "all the same"
        assert scene.ends(cancels_itself.enqueue()).error_code == "CancelledError"
        assert scene.ends(cancels_itself.enqueue()).error_code == "CancelledError"


def test_a_limit_of_time_ends_an_attempt_and_counts_as_a_failure(scene: Scene) -> None:
    code, handle = held(scene, timeout="600ms", retry=jt.Retry(max_attempts=2, delay=0))
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.failure_count) == ("FAILED", "timeout", 2)
    assert [one.status for one in scene.attempts(handle)] == ["TIMED_OUT", "TIMED_OUT"]
    assert code.saw == ["timeout True", "timeout True"]


def test_an_idle_limit_starts_anew_with_every_sign_of_life(scene: Scene) -> None:
    @scene.app.job("works", idle_timeout="1200ms", retry=1)
    async def works(ctx: jt.Context, *, signs: int) -> str:
        for sign in range(signs):
            await asyncio.sleep(0.1)
            ctx.progress(sign)
        await asyncio.sleep(600 if signs < 16 else 0)
        return "done"

    busy, silent = works.enqueue(signs=16), works.enqueue(signs=1)
    with scene.work():
        assert busy.result(timeout=60) == "done"
        assert scene.ends(silent).error_code == "idle_timeout"


def test_a_job_that_no_worker_takes_in_time_fails(scene: Scene) -> None:
    @scene.app.job("urgent", queue="nobody", queue_timeout="200ms")
    def urgent() -> None: ...

    handle = urgent.enqueue()
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, scene.attempts(handle)) == ("FAILED", "queue_timeout", [])


def test_a_shutdown_lets_what_runs_end(scene: Scene) -> None:
    began, go = threading.Event(), threading.Event()

    @scene.app.job("ends")
    def ends() -> str:
        began.set()
        assert go.wait(60)
        return "ended"

    handle, waits = ends.enqueue(), ends.enqueue()
    with scene.work(slots=1) as worker:
        assert began.wait(60)
        worker.stop()
        wait_until(lambda: any(one.draining_at for one in scene.client.workers()), "the worker drains")
        go.set()
        worker.join()
    assert (handle.result(), waits.job().status) == ("ended", "QUEUED")
    assert [one.stop_reason for one in scene.client.workers()] == ["stopped"]


def test_a_shutdown_gives_what_does_not_end_back_and_uses_no_try(scene: Scene) -> None:
    code, handle = held(scene, retry=1)
    with scene.work(drain_seconds=0.2) as worker:
        assert code.began.wait(60)
        worker.stop()
        worker.join()
    (attempt,) = scene.attempts(handle)
    assert (handle.job().status, handle.job().failure_count, attempt.status) == ("QUEUED", 0, "INTERRUPTED")
    assert code.saw == ["shutdown True"]


def test_stopping_twice_is_at_once(scene: Scene) -> None:
    code, handle = held(scene)
    with scene.work(drain_seconds=600.0) as worker:
        assert code.began.wait(60)
        worker.stop()
        worker.stop()
        worker.join(60)
    assert scene.attempts(handle)[0].status == "INTERRUPTED"


def test_a_thread_that_does_not_stop_does_not_keep_the_worker(scene: Scene) -> None:
    began, go, went_on = threading.Event(), threading.Event(), threading.Event()

    @scene.app.job("deaf")
    def deaf(ctx: jt.SyncContext) -> None:
        began.set()
        assert go.wait(60)
        try:
            ctx.step("late", len, "abc")
        finally:
            went_on.set()

    handle = deaf.enqueue()
    with scene.work(grace_seconds=0.3, drain_seconds=0.1) as worker:
        assert began.wait(60)
        worker.stop(at_once=True)
        worker.join(30)
        assert handle.job().status == "QUEUED"
    go.set()
    assert went_on.wait(60)
    assert handle.job().status == "QUEUED"
    assert scene.client.steps(handle.id) == []


def test_an_end_that_is_being_written_is_not_interrupted_by_a_limit_of_time(scene: Scene) -> None:
    began, go = threading.Event(), threading.Event()

    @scene.app.job("fails", timeout="2s", retry=1)
    async def fails() -> None:
        began.set()
        await asyncio.to_thread(go.wait, 60)
        raise ValueError("mine")

    @scene.app.job("fine")
    async def fine() -> str:
        return "fine"

    handle = fails.enqueue()
    with scene.database.as_admin() as holder, scene.database.as_admin() as admin, scene.work(slots=1):
        assert began.wait(60)
        begun_at = time.monotonic()
        with holder.transaction():
            holder.execute("select from jobtrail.jobs where id = %s for update", (handle.id,))
            go.set()
            waiting = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
            told = (scene.database.name,)
            wait_until(lambda: admin.execute(waiting, told).fetchone() == (True,), "the end waits for the row")
            wait_until(lambda: time.monotonic() - begun_at > 2.3, "its time is over")
        assert scene.ends(handle).error_code == "ValueError"
        assert fine.enqueue().result(timeout=60) == "fine"
