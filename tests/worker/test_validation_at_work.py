"""Checks of inputs at work: real workers, real database, and everything that may happen while one looks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from database import Database
from scene import ME, SERVES_ALL, WORKSPACE
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

from jobtrail.app import Handle
from jobtrail.core.jsonguard import encode
from jobtrail.core.outcome import Done, Outcome
from jobtrail.core.status import JobStatus
from jobtrail.runners.context import Context
from jobtrail.service import jobs, workspaces
from jobtrail.service.jobs import NewJob
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.identity import new_id
from jobtrail.worker.validator import AT_ONCE

Check = Callable[[Context], Awaitable[Any]]


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


class Careful:
    """A runner that looks first."""

    type = "careful"

    def __init__(self, look: Check) -> None:
        self._look = look
        self.ran = 0

    async def check(self, context: Context) -> Mapping[str, str]:
        found: Mapping[str, str] = await self._look(context)
        return found

    async def run(self, context: Context) -> Outcome:
        self.ran += 1
        return Done(context.input)


def enqueue(scene: Scene, look: Check, n: int = 1, **input: Any) -> tuple[Careful, list[Handle[Any]]]:
    runner = Careful(look)
    scene.app.add(runner)
    options = scene.app.options("careful")
    assert options.checked
    new = [NewJob(new_id(), encode(input), options) for _ in range(n)]
    return runner, [Handle(id, False, scene.app, Any) for id in scene.app.enqueue_many(new)]


def test_a_job_runs_when_its_input_is_valid(scene: Scene) -> None:
    seen: list[Any] = []

    async def look(context: Context) -> dict[str, str]:
        seen.append((context.input, await context.desk.policy(), context.desk.home(), context.desk.secret("PATH")))
        return {}

    policy = {"careful": {"hosts": ["a.example"]}}
    with scene.database.connect() as conn:
        run(conn, workspaces.set_policy(WORKSPACE, policy, scene.client.actor), Scope.of(ALL))
    _, (handle,) = enqueue(scene, look, n=1, url="x")
    with scene.work(slots=1):
        assert handle.result(timeout=60) == {"url": "x"}
    assert seen == [({"url": "x"}, policy, scene.folder / "homes" / str(WORKSPACE), os.environ["PATH"])]
    assert scene.told(handle)[:4] == ["job.created", "job.validating", "job.queued", "job.started"]


def test_a_job_whose_input_is_not_valid_never_takes_a_slot(scene: Scene) -> None:
    async def look(context: Context) -> dict[str, str]:
        return {"url": f"not with {context.desk.secret('CAREFUL_KEY')}", "n": "too many"}

    os.environ["CAREFUL_KEY"] = "hush-hush-hush"
    runner, (handle,) = enqueue(scene, look)
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, runner.ran, scene.attempts(handle)) == ("FAILED", "invalid_input", 0, [])
    assert job.error_message == "its input is not valid: url: not with •••; n: too many"
    assert "hush" not in str(scene.client.events(handle.id))


def test_checks_take_no_slot_and_only_some_run_at_once(scene: Scene) -> None:
    at_once, most, go = 0, 0, threading.Event()

    async def look(_: Context) -> dict[str, str]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.to_thread(go.wait, 60)
        at_once -= 1
        return {}

    @scene.app.job("plain")
    def plain() -> int:
        return 1

    _, handles = enqueue(scene, look, n=AT_ONCE + 3)
    with scene.work(slots=1):
        wait_until(lambda: at_once == AT_ONCE, "all that may run at once do")
        assert plain.enqueue().result(timeout=60) == 1
        assert sum(one.status == "VALIDATING" for one in scene.client.list_jobs()) == AT_ONCE
        go.set()
        for handle in handles:
            assert scene.ends(handle).status == "COMPLETED"
    assert most == AT_ONCE


@pytest.mark.parametrize("how", ["raises", "exits", "answers nonsense", "takes too long", "needs an attempt"])
def test_a_check_that_breaks_three_times_fails_the_job_and_not_the_worker(scene: Scene, how: str) -> None:
    tries = 0

    async def look(context: Context) -> Any:
        nonlocal tries
        tries += 1
        match how:
            case "raises":
                raise ConnectionError("the disk is on fire")
            case "exits":
                sys.exit(3)
            case "answers nonsense":
                return 7
            case "takes too long":
                await asyncio.Event().wait()
            case _:
                await context.step("no", str, 1)
        return {}

    runner, (handle,) = enqueue(scene, look)
    with scene.work(validation_seconds=0.2):
        job = scene.ends(handle)
    assert (job.status, job.error_code, tries, runner.ran) == ("FAILED", "validator_failed", 3, 0)
    said = {
        "raises": "on fire",
        "exits": "SystemExit",
        "answers nonsense": "int",
        "takes too long": "longer than 0.2 s",
    }
    assert said.get(how, "no attempt") in (job.error_message or "")
    assert scene.told(handle).count("job.retry_scheduled") == 2


def test_a_check_that_breaks_once_is_done_again(scene: Scene) -> None:
    tries = 0

    async def look(_: Context) -> dict[str, str]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ConnectionError("not now")
        return {}

    _, (handle,) = enqueue(scene, look)
    with scene.work():
        assert scene.ends(handle).status == "COMPLETED"
    assert handle.job().failure_count == 0


def test_a_check_is_interrupted_when_its_job_is_cancelled(scene: Scene) -> None:
    looking, stopped = threading.Event(), threading.Event()

    async def look(_: Context) -> dict[str, str]:
        looking.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return {}

    runner, (handle,) = enqueue(scene, look)
    with scene.work():
        assert looking.wait(60)
        assert scene.client.cancel(handle.id, "enough") == JobStatus.CANCELLED
        assert stopped.wait(60)
    assert (handle.job().status, runner.ran) == ("CANCELLED", 0)
    assert scene.told(handle) == ["job.created", "job.validating", "job.cancelled"]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_worker_that_stops_gives_its_check_back_and_another_does_it(
    scene: Scene, at_once: bool, stubborn: bool
) -> None:
    looking, go = threading.Event(), threading.Event()

    async def look(_: Context) -> dict[str, str]:
        if looking.is_set():
            return {}
        looking.set()
        while True:
            try:
                await asyncio.to_thread(go.wait, 60)
            except asyncio.CancelledError:
                if not stubborn:
                    raise
            if go.is_set():
                return {"late": "too late"}

    _, (handle,) = enqueue(scene, look)
    with scene.work(grace_seconds=0.2, drain_seconds=60) as first:
        assert looking.wait(60)
        first.stop(at_once=at_once)
        scene.until(handle, "PENDING")
        go.set()
        first.join()
    with scene.work():
        assert scene.ends(handle).status == "COMPLETED"
    assert scene.told(handle)[:4] == ["job.created", "job.validating", "job.interrupted", "job.validating"]
    assert handle.job().loss_count == 0


WORKER = """
import asyncio, sys
from pathlib import Path
from jobtrail.core.outcome import Done
from jobtrail.store.pool import Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

class Careful:
    type = "careful"
    async def check(self, context):
        print("looking", flush=True)
        await asyncio.Event().wait()
    async def run(self, context):
        return Done()

folder = Path(sys.argv[2])
plan = Plan(slots=1, poll_seconds=0.05, assets_dir=folder / "assets", work_dir=folder / "work", homes_dir=folder / "homes")
asyncio.run(Worker(Dial(url=sys.argv[1]), {"careful": Careful()}, plan).run())
"""


def test_a_worker_that_is_killed_while_it_checks_loses_the_job_to_another(scene: Scene) -> None:
    async def look(_: Context) -> dict[str, str]:
        return {}

    _, (handle,) = enqueue(scene, look)
    command = [sys.executable, "-c", WORKER, scene.database.app_url, str(scene.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as worker:
        try:
            assert worker.stdout is not None and worker.stdout.readline() == b"looking\n"
            assert handle.job().status == "VALIDATING"
        finally:
            worker.kill()
    with scene.work():
        assert scene.ends(handle).status == "COMPLETED"
    assert scene.told(handle)[:5] == ["job.created", "job.validating", "job.lost", "job.validating", "job.queued"]
    assert handle.job().loss_count == 1


def test_two_workers_check_each_job_once(scene: Scene) -> None:
    seen: list[Any] = []

    async def look(context: Context) -> dict[str, str]:
        seen.append(context.job_id)
        return {}

    _, handles = enqueue(scene, look, n=40)
    with scene.work(), scene.work():
        for handle in handles:
            assert scene.ends(handle).status == "COMPLETED"
    assert sorted(seen) == sorted(handle.id for handle in handles)


@pytest.mark.parametrize("isolation", ["thread", "process"])
@pytest.mark.parametrize("sync", [False, True])
def test_a_function_has_a_check_of_its_own(scene: Scene, isolation: Any, sync: bool) -> None:
    def bad(n: int, name: str = "x") -> dict[str, str] | None:
        return {"n": f"{name} is too many"} if n > 3 else None

    async def bad_async(n: int, name: str = "x") -> dict[str, str] | None:
        return bad(n, name)

    counted = scene.app.job("counted", isolation=isolation, check=bad if sync else bad_async)(count)
    with scene.work():
        assert counted.enqueue(n=3).result(timeout=60) == 3
        job = scene.ends(counted.enqueue(n=4, name="four"))
    assert (job.error_code, job.error_message) == ("invalid_input", "its input is not valid: n: four is too many")


def count(n: int, name: str = "x") -> int:
    return n


def test_a_function_without_a_check_is_queued_at_once(scene: Scene) -> None:
    plain = scene.app.job("plain")(count)
    assert plain.enqueue(n=1).job().status == "QUEUED"
    assert not plain.options.checked


def test_a_hint_that_comes_while_checks_are_being_taken_is_heard(scene: Scene) -> None:
    async def look(_: Context) -> dict[str, str]:
        return {}

    scene.app.add(Careful(look))
    wanted = NewJob(new_id(), b"{}", scene.app.options("careful"))
    with scene.work(poll_seconds=3_600.0, upkeep=False) as at_work, scene.database.connect() as conn:
        worker = at_work.worker
        assert worker is not None
        validator = worker._validator
        assert validator is not None
        take, made = validator._take, list[UUID]()

        async def taking() -> None:
            await take()
            if not made:  # it came too late for this one
                made.extend(run(conn, jobs.enqueue(WORKSPACE, [wanted], ME), SERVES_ALL).ids)
                worker._hear("default")

        def watch() -> None:
            validator._take = taking  # type: ignore[method-assign]
            worker._hear("default")

        at_work.soon(watch)
        wait_until(lambda: bool(made) and scene.client.get(made[0]).status == "COMPLETED", "the job is done")
