"""Bad days of a worker: jobs that must be stopped, shutdowns, lost answers, and a database that is away."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from database import Database
from store.embedded_server import a_home
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.core.errors import Unavailable
from jobtrail.service import attempts
from jobtrail.store import embedded, migrate
from jobtrail.worker.link import Link

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
        assert code.began.wait(20)
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
        assert code.began.wait(20)
        scene.client.cancel(handle.id)
        assert scene.ends(handle).status == "CANCELLED"
        assert code.left.wait(20)


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
        assert began.wait(20)
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
        assert began.wait(20)
        scene.client.cancel(handle.id)
        assert handle.result(timeout=20) == "all the same"
        assert scene.ends(cancels_itself.enqueue()).error_code == "CancelledError"
        assert scene.ends(cancels_itself.enqueue()).error_code == "CancelledError"


def test_a_limit_of_time_ends_an_attempt_and_counts_as_a_failure(scene: Scene) -> None:
    code, handle = held(scene, timeout="150ms", retry=jt.Retry(max_attempts=2, delay=0))
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.failure_count) == ("FAILED", "timeout", 2)
    assert [one.status for one in scene.attempts(handle)] == ["TIMED_OUT", "TIMED_OUT"]
    assert code.saw == ["timeout True", "timeout True"]


def test_an_idle_limit_starts_anew_with_every_sign_of_life(scene: Scene) -> None:
    @scene.app.job("works", idle_timeout="400ms", retry=1)
    async def works(ctx: jt.Context, *, signs: int) -> str:
        for sign in range(signs):
            await asyncio.sleep(0.1)
            ctx.progress(sign)
        await asyncio.sleep(600 if signs < 8 else 0)
        return "done"

    busy, silent = works.enqueue(signs=8), works.enqueue(signs=1)
    with scene.work():
        assert busy.result(timeout=20) == "done"
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
        assert go.wait(20)
        return "ended"

    handle, waits = ends.enqueue(), ends.enqueue()
    with scene.work(slots=1) as worker:
        assert began.wait(20)
        worker.stop()
        wait_until(lambda: any(one.draining_at for one in scene.client.workers()), "the worker drains")
        go.set()
        worker.join()
    assert (handle.result(), waits.job().status) == ("ended", "QUEUED")
    assert [one.stop_reason for one in scene.client.workers()] == ["stopped"]


def test_a_shutdown_gives_what_does_not_end_back_and_uses_no_try(scene: Scene) -> None:
    code, handle = held(scene, retry=1)
    with scene.work(drain_seconds=0.2) as worker:
        assert code.began.wait(20)
        worker.stop()
        worker.join()
    (attempt,) = scene.attempts(handle)
    assert (handle.job().status, handle.job().failure_count, attempt.status) == ("QUEUED", 0, "INTERRUPTED")
    assert code.saw == ["shutdown True"]


def test_stopping_twice_is_at_once(scene: Scene) -> None:
    code, handle = held(scene)
    with scene.work(drain_seconds=600.0) as worker:
        assert code.began.wait(20)
        worker.stop()
        worker.stop()
        worker.join(10)
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
        assert began.wait(20)
        worker.stop(at_once=True)
        worker.join(10)
        assert handle.job().status == "QUEUED"
    go.set()
    assert handle.job().status == "QUEUED"
    assert scene.client.steps(handle.id) == []


def test_an_end_that_is_being_written_is_not_interrupted_by_a_limit_of_time(scene: Scene) -> None:
    began, go = threading.Event(), threading.Event()

    @scene.app.job("fails", timeout="500ms", retry=1)
    async def fails() -> None:
        began.set()
        await asyncio.to_thread(go.wait, 20)
        raise ValueError("mine")

    @scene.app.job("fine")
    async def fine() -> str:
        return "fine"

    handle = fails.enqueue()
    with scene.database.as_admin() as holder, scene.database.as_admin() as admin, scene.work(slots=1):
        assert began.wait(20)
        begun_at = time.monotonic()
        with holder.transaction():
            holder.execute("select from jobtrail.jobs where id = %s for update", (handle.id,))
            go.set()
            waiting = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
            told = (scene.database.name,)
            wait_until(lambda: admin.execute(waiting, told).fetchone() == (True,), "the end waits for the row")
            wait_until(lambda: time.monotonic() - begun_at > 0.8, "its time is over")
        assert scene.ends(handle).error_code == "ValueError"
        assert fine.enqueue().result(timeout=20) == "fine"


def test_jobs_whose_claim_lost_its_answer_are_given_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    once = Link.once
    lost: list[Any] = []

    async def forgetful(link: Link, work: Any) -> Any:
        answer = await once(link, work)
        if getattr(work, "name", "") == "verbs/claim" and answer and not lost:
            lost.append(answer)
            raise Unavailable("the answer was lost on the way")
        return answer

    monkeypatch.setattr(Link, "once", forgetful)

    @scene.app.job("echo")
    async def echo(n: int) -> int:
        return n

    handles = [echo.enqueue(n=n) for n in range(3)]
    with scene.work():
        assert [handle.result(timeout=20) for handle in handles] == [0, 1, 2]
    assert lost and "job.interrupted" in scene.told(handles[0])
    assert handles[0].job().failure_count == 0


def test_jobs_that_a_lost_claim_takes_later_are_given_back_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    once = Link.once
    lost: list[Any] = []
    late: list[Any] = []

    async def slow(link: Link, work: Any) -> Any:
        name = getattr(work, "name", "")
        if name == "verbs/claim" and not lost:
            lost.append(work)
            raise Unavailable("the connection was lost, and the claim is still at work")
        answer = await once(link, work)
        if name == "reads/strays" and not late:
            late.append(await once(link, lost[0]))
        return answer

    @scene.app.job("echo")
    async def echo(n: int) -> int:
        return n

    handle = echo.enqueue(n=3)
    monkeypatch.setattr(Link, "once", slow)
    with scene.work():
        assert handle.result(timeout=20) == 3
    assert (len(late[0]), handle.job().failure_count, len(scene.attempts(handle))) == (1, 0, 2)


def test_ends_that_wait_for_the_database_are_not_given_back(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    once, complete = Link.once, attempts.complete
    ends: list[Any] = []
    failed: list[str] = []

    def noted(ended: Sequence[attempts.Completed]) -> Any:
        ends.append(complete(ended))
        return ends[-1]

    async def flaky(link: Link, work: Any) -> Any:
        what = "complete" if work in ends else getattr(work, "name", "")
        if ends and what in ("complete", "verbs/claim") and len(failed) < 8:
            failed.append(what)
            raise Unavailable("away")
        return await once(link, work)

    monkeypatch.setattr(attempts, "complete", noted)
    monkeypatch.setattr(Link, "once", flaky)

    @scene.app.job("echo")
    async def echo() -> str:
        return "once"

    handle = echo.enqueue()
    with scene.work(poll_seconds=0.01):
        assert handle.result(timeout=20) == "once"
    assert {"complete", "verbs/claim"} <= set(failed)
    assert (len(scene.attempts(handle)), "job.interrupted" in scene.told(handle)) == (1, False)


def test_a_storm_of_lost_connections_loses_no_job_and_no_lease(scene: Scene) -> None:
    @scene.app.job("steps")
    async def steps(ctx: jt.Context, n: int) -> int:
        total = 0
        for part in range(5):
            total += await ctx.step(f"part {part}", lambda: n)
            ctx.log.info("part", n=part)
        return total

    handles = [steps.enqueue(n=n) for n in range(30)]
    with scene.database.as_admin() as admin, scene.work(slots=8):
        for _ in range(8):
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() "
                "and application_name like 'jobtrail w%'"
            )
            wait_until(
                lambda: (
                    admin.execute(
                        "select count(*) > 1 from pg_stat_activity where application_name like "
                        "'jobtrail w%' and datname = current_database()"
                    ).fetchone()
                    == (True,)
                ),
                "the worker is back",
            )
        assert [handle.result(timeout=60) for handle in handles] == [5 * n for n in range(30)]
    assert [handle.job().loss_count for handle in handles] == [0] * 30


@contextmanager
def own_server(folder: Path) -> Iterator[tuple[Scene, embedded.Server]]:
    """A server that only this test uses, and may stop."""
    with a_home() as home:
        server = embedded.start(home, settings={"fsync": "off", "shared_buffers": "16MB"})
        with closing(psycopg.connect(server.owner_url, autocommit=True)) as owner:
            migrate.up(owner)
        database = Database("jobtrail", server.app_url, server.owner_url, server.admin_url)
        with make_scene(database, folder) as scene:
            yield scene, server
        embedded.stop(server)


def test_work_goes_on_after_the_database_was_away_for_longer_than_the_lease(tmp_path: Path) -> None:
    away, back = threading.Event(), threading.Event()
    ran = []

    with own_server(tmp_path) as (scene, server):

        @scene.app.job("long", retry=1)
        async def long(ctx: jt.Context) -> str:
            ran.append(ctx.attempt)
            await ctx.step("before", lambda: "before")
            away.set()
            await asyncio.to_thread(back.wait, 60)
            await ctx.step("after", lambda: "after")
            return "done"

        @scene.app.job("ends", retry=1)
        async def ends() -> str:
            await asyncio.to_thread(away.wait, 60)
            wait = asyncio.Event()
            asyncio.get_running_loop().call_later(1.0, wait.set)
            await wait.wait()  # ends while the database is away
            return "ended"

        handles = [long.enqueue(), ends.enqueue()]
        with scene.work(lease_seconds=10.0, beat_seconds=3.0), scene.work(lease_seconds=10.0, beat_seconds=3.0):
            assert away.wait(20)
            embedded.stop_now(server.data_dir.parent)
            gone_at = time.monotonic()
            wait_until(lambda: time.monotonic() - gone_at > 21.0, "the outage lasts", 30.0)
            again = embedded.start(server.data_dir.parent)
            back.set()
            wait_until(lambda: _answers(scene), "the client is back", 60.0)
            assert [scene.ends(handle, within=60).status for handle in handles] == ["COMPLETED", "COMPLETED"]
            assert long.enqueue().result(timeout=30) == "done"
        assert ran == [1, 1]
        assert [(handle.job().loss_count, len(scene.attempts(handle))) for handle in handles] == [(0, 1), (0, 1)]
        assert [worker.stop_reason for worker in scene.client.workers()] == ["stopped", "stopped"]
        embedded.stop(again)


def _answers(scene: Scene) -> bool:
    try:
        scene.client.list_jobs()
    except Unavailable:
        return False
    return True


def test_a_database_that_stands_still_for_longer_than_the_lease_expires_no_lease(tmp_path: Path) -> None:
    began, go = threading.Event(), threading.Event()
    with own_server(tmp_path) as (scene, server):

        @scene.app.job("waits", retry=1)
        async def waits(ctx: jt.Context) -> str:
            began.set()
            await asyncio.to_thread(go.wait, 60)
            return await ctx.step("after", lambda: "done")

        handle = waits.enqueue()
        with scene.work(lease_seconds=2.0, beat_seconds=0.5), scene.work(lease_seconds=2.0, beat_seconds=0.5):
            assert began.wait(20)
            frozen = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            stopped_at = time.monotonic()
            wait_until(lambda: time.monotonic() - stopped_at > 4.0, "it stands still")
            for process in reversed(frozen):
                process.send_signal(signal.SIGCONT)
            go.set()
            assert handle.result(timeout=30) == "done"
        assert (handle.job().loss_count, len(scene.attempts(handle))) == (0, 1)
