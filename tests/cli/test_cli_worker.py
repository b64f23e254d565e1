"""`jobtrail worker start`: one process, several, and how they stop."""

from __future__ import annotations

import json
import signal

import psutil
import pytest
from cli.terminal import Terminal, ended, until
from scene import Scene

APP = """
import asyncio
import jobtrail as jt
app = jt.App()

@app.job("hello", queue="greetings")
async def hello(name: str) -> str:
    return f"Hello, {name}!"

@app.job("short")
async def short(ctx: jt.Context) -> None:
    await ctx.step("wait", asyncio.sleep, 0.5)

@app.job("endless")
async def endless(ctx: jt.Context) -> None:
    await ctx.step("wait", asyncio.sleep, 3600)
"""


@pytest.fixture
def project(jobtrail: Terminal) -> Terminal:
    jobtrail.write("app.py", APP)
    return jobtrail


def test_once_works_what_is_there_and_stops(project: Terminal, scene: Scene) -> None:
    done = [scene.enqueue(type="hello", queue="greetings", input=b'{"name":"Ana"}') for _ in range(3)]
    others = scene.enqueue(type="hello", queue="media", input=b'{"name":"Ana"}')
    ran = project.process("worker", "start", "--once", "--slots", "2")
    assert ran.code == 0 and "2 slots on default, greetings, webhooks, knows " in ran.err
    assert "command, endless, hello," in ran.err and "jobtrail.bulk" in ran.err
    assert {scene.job(id).status for id in done} == {"COMPLETED"}
    assert scene.job(others).status == "QUEUED"


def test_the_queues_may_be_named(project: Terminal, scene: Scene) -> None:
    id = scene.enqueue(type="hello", queue="media", input=b'{"name":"Ana"}')
    assert project.process("worker", "start", "app.py", "-q", "media,other", "--once").code == 0
    assert scene.job(id).status == "COMPLETED"


def test_a_worker_needs_a_database_of_its_own(bare: Terminal) -> None:
    ran = bare("worker", "start")
    assert ran.code == 2 and "JOBTRAIL_DATABASE_URL" in ran.err and "jobtrail dev" in ran.err


def test_an_app_that_is_named_must_be_there(project: Terminal) -> None:
    for name, says in (
        ("nothing.py", "no file nothing.py"),
        ("nothing:app", "cannot be imported"),
        ("json:dumps", "App"),
    ):
        ran = project.process("worker", "start", name)
        assert ran.code == 2 and says in ran.err


def test_sigterm_lets_what_runs_end(project: Terminal, scene: Scene) -> None:
    id = scene.enqueue(type="short", input=b"{}")
    with project.started("worker", "start") as worker:
        until(lambda: scene.job(id).status == "RUNNING")
        worker.process.send_signal(signal.SIGTERM)
        ran = worker.ends()
    assert ran.code == 0 and "has stopped" in ran.err
    assert scene.job(id).status == "COMPLETED"


def test_what_outlasts_the_drain_goes_back_to_its_queue(project: Terminal, scene: Scene) -> None:
    id = scene.enqueue(type="endless", input=b"{}")
    with project.started("worker", "start", "--drain-timeout", "100ms") as worker:
        until(lambda: scene.job(id).status == "RUNNING")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.ends().code == 0
    assert (scene.job(id).status, scene.attempts(id)[0].status) == ("QUEUED", "INTERRUPTED")


def test_the_log_can_be_json(project: Terminal) -> None:
    ran = project.process("worker", "start", "--once", JOBTRAIL_LOG_FORMAT="json")
    assert {json.loads(line)["logger"] for line in ran.err.splitlines()} == {"jobtrail.worker"}


def test_a_process_of_several_that_is_killed_is_replaced_and_its_job_goes_on(project: Terminal, scene: Scene) -> None:
    id = scene.enqueue(type="endless", input=b"{}")
    with project.started("worker", "start", "--processes", "2", "--slots", "1", "--drain-timeout", "100ms") as fleet:
        until(lambda: scene.job(id).status == "RUNNING")
        held = [one for one in project.ok("worker", "list", "-o", "json").data if one["running"]]
        psutil.Process(held[0]["process_id"]).kill()
        until(lambda: len(scene.attempts(id)) == 2 and scene.attempts(id)[1].status == "RUNNING")
        until(lambda: _alive(project) == 2)
        fleet.process.send_signal(signal.SIGTERM)
        assert fleet.ends().code == 0
    assert [attempt.status for attempt in scene.attempts(id)] == ["LOST", "INTERRUPTED"]
    assert _alive(project) == 0


def test_processes_end_with_the_one_that_started_them(project: Terminal, scene: Scene) -> None:
    with project.started("worker", "start", "--processes", "2", "--drain-timeout", "100ms") as fleet:
        until(lambda: _alive(project) == 2)
        pids = [one["process_id"] for one in project.ok("worker", "list", "-o", "json").data]
        fleet.process.kill()
        until(lambda: all(ended(pid) for pid in pids))
    assert _alive(project) == 0


def _alive(project: Terminal) -> int:
    return sum(one["stopped_at"] is None for one in project.ok("worker", "list", "-o", "json").data)
