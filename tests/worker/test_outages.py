"""A database that answers late, loses connections, stands still or is away: no job is lost, no lease wrongly expired."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from database import Database
from store.embedded_server import a_home
from worker import deadly
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.app import Handle
from jobtrail.core.errors import Unavailable
from jobtrail.service import attempts
from jobtrail.store import embedded, migrate
from jobtrail.worker.link import Link

AT_ONCE = jt.Retry(max_attempts=3, delay=0)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


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
        assert [handle.result(timeout=60) for handle in handles] == [0, 1, 2]
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
        assert handle.result(timeout=60) == 3
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
        if ends and what in ("complete", "reads/claimants") and len(failed) < 8:
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
        assert handle.result(timeout=60) == "once"
    assert {"complete", "reads/claimants"} <= set(failed)
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
            assert away.wait(60)
            embedded.stop_now(server.data_dir.parent)
            gone_at = time.monotonic()
            wait_until(lambda: time.monotonic() - gone_at > 21.0, "the outage lasts", 30.0)
            again = embedded.start(server.data_dir.parent)
            back.set()
            wait_until(lambda: _answers(scene), "the client is back", 60.0)
            assert [scene.ends(handle, within=60).status for handle in handles] == ["COMPLETED", "COMPLETED"]
            assert long.enqueue().result(timeout=60) == "done"
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
            assert began.wait(60)
            frozen = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
            for process in frozen:
                process.send_signal(signal.SIGSTOP)
            stopped_at = time.monotonic()
            wait_until(lambda: time.monotonic() - stopped_at > 4.0, "it stands still")
            for process in reversed(frozen):
                process.send_signal(signal.SIGCONT)
            go.set()
            assert handle.result(timeout=60) == "done"
        assert (handle.job().loss_count, len(scene.attempts(handle))) == (0, 1)


def lost(handle: Handle[Any], times: int) -> bool:
    return handle.job().loss_count == times


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_code_that_ends_its_worker_three_times_is_put_aside_and_others_go_on(scene: Scene, how: str) -> None:
    deadly.app.connect(scene.client)
    handle, other = deadly.deadly.enqueue(how=how), deadly.harmless.enqueue()
    program = [sys.executable, deadly.__file__, scene.database.app_url, str(scene.folder)]
    with scene.work():  # knows none of these types, but sees that the others are gone
        for died in range(1, 4):
            worker = subprocess.Popen(program)
            assert worker.wait(60) == (9 if how == "exit" else -signal.SIGKILL)
            wait_until(partial(lost, handle, died), "the job is taken from the dead worker")
        assert (handle.job().status, handle.job().error_code) == ("FAILED", "quarantined")
        survivor = subprocess.Popen(program)
        try:
            assert other.result(timeout=60) == "done"
        finally:
            survivor.kill()
            survivor.wait(60)
    assert [attempt.status for attempt in scene.attempts(handle)] == ["LOST"] * 3
    assert handle.job().failure_count == 0
