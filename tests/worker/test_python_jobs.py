"""Bad days of Python jobs: what their code may do to a worker, and what becomes of the job. Real worker, real database."""
# ruff: noqa: T201  (jobs print)

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydantic
import pytest
from database import Database
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.runners.context import EX_FORKED
from jobtrail.worker.journal import Journal

AT_ONCE = jt.Retry(max_attempts=3, delay=0)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


class Report(pydantic.BaseModel):
    rows: int


@dataclass
class Part:
    name: str
    size: int


def test_a_handler_that_raises_is_tried_again_and_keeps_its_stack(scene: Scene) -> None:
    tries = []

    @scene.app.job("flaky", retry=AT_ONCE)
    async def flaky(ctx: jt.Context, n: int) -> int:
        tries.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ConnectionError(f"try {ctx.attempt}")
        return n

    handle = flaky.enqueue(n=7)
    with scene.work():
        assert handle.result(timeout=60) == 7
    first, second, third = scene.attempts(handle)
    assert (tries, handle.job().failure_count) == ([1, 2, 3], 2)
    assert (first.status, first.error_code, first.error_message) == (
        "FAILED",
        "ConnectionError",
        "ConnectionError: try 1",
    )
    assert first.stack_trace is not None and 'raise ConnectionError(f"try {ctx.attempt}")' in first.stack_trace
    assert (second.status, third.status, third.error_code) == ("FAILED", "COMPLETED", None)


def test_the_last_failure_is_final(scene: Scene) -> None:
    @scene.app.job("hopeless", retry=jt.Retry(max_attempts=2, delay=0))
    def hopeless() -> None:
        raise ValueError("no")

    handle = hopeless.enqueue()
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.failure_count, len(scene.attempts(handle))) == (
        "FAILED",
        "ValueError",
        2,
        2,
    )


def test_a_handler_that_blocks_the_event_loop_longer_than_the_lease_is_not_run_twice(scene: Scene) -> None:
    @scene.app.job("blocking")
    async def blocking() -> str:
        end = time.monotonic() + 5.0
        while time.monotonic() < end:  # blocks the loop and holds the interpreter, as a computation does
            sum(range(1000))
        return "done"

    handle = blocking.enqueue()
    with (
        scene.work(lease_seconds=2.0, beat_seconds=0.5) as blocked,
        scene.work(lease_seconds=2.0, beat_seconds=0.5) as other,
    ):
        assert handle.result(timeout=60) == "done"
        assert blocked.worker is not None and other.worker is not None
        stopped = [worker.stop_reason for worker in scene.client.workers()]
    assert (len(scene.attempts(handle)), handle.job().loss_count) == (1, 0)
    assert stopped == [None, None]


@pytest.mark.parametrize("sync", [True, False])
def test_a_process_that_a_handler_forks_never_becomes_a_second_worker(scene: Scene, sync: bool) -> None:
    children: list[int] = []

    def fork() -> int:
        child = os.fork()
        if child:
            children.append(child)
        return child

    async def fork_async() -> int:
        return fork()

    forks = scene.app.job("forks")(fork if sync else fork_async)
    handle = forks.enqueue()
    with scene.work():
        assert handle.result(timeout=60) == children[0]
        assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == EX_FORKED
        assert forks.enqueue().result(timeout=60) == children[1]  # the worker is as it was
        os.waitpid(children[1], 0)
    assert len(scene.attempts(handle)) == 1


def test_prints_and_logging_are_in_the_jobs_log_in_order(
    scene: Scene, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # pytest has set logging up, so its level holds

    @scene.app.job("chatty")
    def chatty(ctx: jt.SyncContext) -> None:
        print("rows:", 3, "of", 4)
        print("50%\r100%")
        sys.stdout.buffer.write(b"\xff\xfe binary \x00\n")
        print("an error", file=sys.stderr)
        logging.getLogger("app.db").info("connected to %s", "db1")
        logging.getLogger("app.db").error("lost")
        ctx.log.warning("mine", rows=3, odd=float("nan"))
        print("no line end", end="")

    handle = chatty.enqueue()
    with scene.work():
        scene.ends(handle)
        print("not of a job")
    lines = [(line["source"], line["level"], line["message"], line.get("component")) for line in scene.log(handle)]
    assert lines == [
        ("STDOUT", "INFO", "rows: 3 of 4", None),
        ("STDOUT", "INFO", "100%", None),
        ("STDOUT", "INFO", "\ufffd\ufffd binary \ufffd", None),
        ("STDERR", "INFO", "an error", None),
        ("USER", "INFO", "connected to db1", "app.db"),
        ("USER", "ERROR", "lost", "app.db"),
        ("USER", "WARN", "mine", None),
        ("STDOUT", "INFO", "no line end", None),
    ]
    assert scene.log(handle)[6]["details"] == {"rows": 3, "odd": None}
    assert capsys.readouterr().out == "not of a job\n"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("nan"), None),
        ({"a\0": "b\0"}, {"a\ufffd": "b\ufffd"}),
        ("\ud800", "\ufffd"),
        (10**80, "1" + "0" * 80),
        ({1: "one", (2, 3): "two"}, {"1": "one", "(2, 3)": "two"}),
        ({"set"}, ["set"]),
        (b"\xff", "/w=="),
        (Report(rows=3), {"rows": 3}),
        ("x" * (2 << 20), "x" * (2 << 20)),
    ],
    ids=["nan", "nul", "surrogate", "huge", "keys", "set", "bytes", "model", "2MB"],
)
def test_a_result_is_never_a_reason_to_fail(scene: Scene, value: Any, stored: Any) -> None:
    @scene.app.job("poison")
    def poison() -> Any:
        return value

    handle = poison.enqueue()
    with scene.work():
        assert handle.result(timeout=60) == stored


def test_a_deep_result_and_one_that_is_no_json_are_described(scene: Scene) -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]

    @scene.app.job("odd")
    def odd(which: int) -> Any:
        return [deep, threading.Lock(), lambda: 1][which]

    handles = [odd.enqueue(which=which) for which in range(3)]
    with scene.work():
        results = [handle.result(timeout=60) for handle in handles]
    assert isinstance(results[0], list)
    assert "lock" in results[1] and "lambda" in results[2]


def test_a_result_that_the_database_refuses_fails_its_own_job_and_no_other(scene: Scene) -> None:
    with scene.database.as_owner() as owner:
        owner.execute("alter table jobtrail.results add check (output is null or output::text not like '%unstorable%')")

    @scene.app.job("echo")
    async def echo(text: str) -> str:
        return text

    bad, good = echo.enqueue(text="unstorable"), [echo.enqueue(text=str(n)) for n in range(10)]
    with scene.work(slots=11):
        assert [handle.result(timeout=60) for handle in good] == [str(n) for n in range(10)]
        job = scene.ends(bad)
    assert (job.status, job.error_code) == ("FAILED", "unstorable")


def test_an_end_that_the_database_refuses_fails_the_job_and_the_worker_goes_on(scene: Scene) -> None:
    @scene.app.job("sleepy")
    def sleepy(days: float) -> Any:
        return jt.Snooze(timedelta(days=days))

    forever, hour = sleepy.enqueue(days=999_999_999), sleepy.enqueue(days=1 / 24)
    with scene.work(slots=1):
        assert scene.ends(forever).error_code == "unstorable"
        assert scene.until(hour, "PENDING").wait_reason == "SCHEDULE"


@pytest.mark.parametrize("sync", [True, False])
def test_code_that_calls_exit_fails_its_attempt_only(scene: Scene, sync: bool) -> None:
    async def exits_async() -> None:
        sys.exit(3)

    def exits() -> None:
        sys.exit(3)

    handle = scene.app.job("exits", retry=1)(exits if sync else exits_async).enqueue()
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.error_message) == ("FAILED", "exit", "the code called exit: SystemExit(3)")


def test_code_that_raises_what_is_no_exception_fails_its_attempt_only(scene: Scene) -> None:
    class Odd(BaseException):
        pass

    @scene.app.job("odd", retry=1)
    async def odd(how: str) -> None:
        if how == "raise":
            raise Odd("so")
        task = asyncio.create_task(asyncio.sleep(600))
        task.cancel()
        await task

    handles = [odd.enqueue(how=how) for how in ("raise", "cancel")]
    with scene.work(slots=1):
        assert [scene.ends(handle).error_code for handle in handles] == ["Odd", "CancelledError"]


def test_lines_that_are_on_their_way_when_a_job_ends_are_not_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = threading.Event()
    store = Journal._store

    async def late(journal: Journal, chunks: list[Any]) -> None:
        if chunks:
            taken.set()
            await asyncio.sleep(0.5)  # an end that does not wait for the lines comes before them
        await store(journal, chunks)

    monkeypatch.setattr(Journal, "_store", late)

    @scene.app.job("says")
    async def says(ctx: jt.Context) -> None:
        ctx.log.info("hello")
        await asyncio.to_thread(taken.wait)

    handle = says.enqueue()
    with scene.work():
        assert scene.ends(handle).status == "COMPLETED"
    assert [line["message"] for line in scene.log(handle)] == ["hello"]


def test_a_stage_that_changes_alone_is_told(scene: Scene) -> None:
    go = threading.Event()

    def two_stages(ctx: jt.SyncContext) -> None:
        ctx.progress(10, "one")
        assert go.wait(60)
        ctx.progress(10, "two")

    handle = scene.app.job("stages")(two_stages).enqueue()
    with scene.work():
        wait_until(lambda: handle.job().stage == "one", "the first is told")
        go.set()
        handle.result(timeout=60)
    payloads = [event.payload for event in scene.client.events(handle.id) if event.type == "job.progress"]
    assert [told["stage"] for told in payloads] == ["one", "two"]


def test_no_job_gets_what_is_the_workers_own(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", "postgresql://u:secret@h/d")

    async def curious(ctx: jt.Context) -> str:
        return ctx.desk.secret("JOBTRAIL_DATABASE_URL")

    handle = scene.app.job("curious", retry=1)(curious).enqueue()
    with scene.work():
        ended = scene.ends(handle)
    assert ended.error_message is not None and "the worker's own" in ended.error_message
