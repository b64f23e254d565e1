"""Functions in a process of their own: everything that they may do, and every way in which they may end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from database import Database
from runners import isolated_jobs as jobs
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.app import Call, Handle
from jobtrail.core.errors import Invalid
from jobtrail.process.supervise import Spec
from jobtrail.runners import isolated
from jobtrail.runners.isolated import IsolatedRunner
from jobtrail.service import workers
from jobtrail.store.db import ALL, Scope, run

ALL_WORKSPACES = Scope(ALL, standing=True)
Own = Callable[..., Any]


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


@pytest.fixture
def own(scene: Scene) -> Own:
    """Makes a function a type of job that runs in a process of its own, and runs one job of it to its end."""

    def run(function: Callable[..., Any], **input: Any) -> Handle[Any]:
        handle = register(scene, function).enqueue(**input)
        with scene.work():
            scene.ends(handle)
        return handle

    return run


def register(scene: Scene, function: Callable[..., Any], **options: Any) -> Call[Any, Any]:
    usual: dict[str, Any] = {"retry": 1, "isolation": "process"}
    made: Call[Any, Any] = scene.app.job(function.__name__, **{**usual, **options})(function)
    if isinstance(made.runner, IsolatedRunner):
        made.runner.grace = timedelta(seconds=0.5)
    return made


def messages(scene: Scene, handle: Handle[Any], source: str) -> list[str]:
    return [line["message"] for line in scene.log(handle) if line["source"] == source]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_function_runs_in_a_process_of_its_own_and_its_prints_are_in_the_log(scene: Scene, own: Own) -> None:
    handle = own(jobs.double, n=4)
    assert handle.result() == 8
    assert messages(scene, handle, "STDOUT") == ["doubling 4", "raw \ufffd\ufffd"]
    assert messages(scene, handle, "STDERR") == ["to stderr"]
    assert [(line["message"], line["component"]) for line in scene.log(handle) if line["source"] == "USER"] == [
        ("a record", "mine")
    ]


def test_the_context_does_in_a_child_what_it_does_elsewhere(scene: Scene, own: Own, tmp_path: Path) -> None:
    handle = own(jobs.everything, folder=str(tmp_path))
    result = handle.result()
    assert (result["steps"], result["sizes"]) == (["a", "b"], [7, 8])
    assert result["pid"] != os.getpid()
    steps = scene.client.steps(handle.id)
    assert [(step.key, step.phase, step.status) for step in steps] == [
        ("fetch", "EXECUTION", "COMPLETED"),
        ("fetch#2", "EXECUTION", "COMPLETED"),
        ("check", "VALIDATION", "COMPLETED"),
    ]
    assert [(asset.name, asset.role) for asset in scene.client.assets(handle.id)] == [
        ("made.txt", "output"),
        ("bytes.bin", "raw"),
    ]
    assert [(call.model, call.input_tokens) for call in scene.client.usage(handle.id)] == [("m", 3)]
    assert handle.job().stage == "halfway"
    fetching = next(line for line in scene.client.logs(handle.id) if "fetching" in line.message)
    assert fetching.step_id == steps[0].id


def test_async_functions_run_in_the_event_loop_of_the_childs_main_thread(scene: Scene, own: Own) -> None:
    handle = own(jobs.asynchronous, n=5)
    assert handle.result() == [0, 1, 2, 3, 4]
    assert len(scene.client.steps(handle.id)) == 5
    assert [asset.byte_size for asset in scene.client.assets(handle.id)] == [2]


def test_what_the_child_used_is_kept(scene: Scene, own: Own) -> None:
    handle = own(jobs.uses, megabytes=64)
    (attempt,) = scene.attempts(handle)
    assert attempt.cpu_seconds is not None and attempt.cpu_seconds > 0.3
    assert attempt.memory_bytes is not None and attempt.memory_bytes > 64 << 20
    assert (attempt.exit_code, attempt.disk_bytes is not None) == (0, True)


def test_an_exception_fails_the_attempt_with_the_childs_stack(scene: Scene, own: Own) -> None:
    handle = own(jobs.raises, word="gone")
    job, (attempt,) = handle.job(), scene.attempts(handle)
    assert (job.status, job.error_code, job.error_message) == ("FAILED", "LookupError", "LookupError: gone")
    assert attempt.stack_trace is not None and "raise LookupError(word)" in attempt.stack_trace


def test_the_last_words_of_a_child_are_heard_by_a_worker_that_is_slow_to_greet_it(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = isolated._Attempt._serve

    async def late(attempt: isolated._Attempt, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert attempt._process is not None
        await asyncio.wait([attempt._process], timeout=1.0)  # long enough for a child that does not wait to end
        for _ in range(100):
            await asyncio.sleep(0)
        await serve(attempt, reader, writer)

    monkeypatch.setattr(isolated._Attempt, "_serve", late)
    assert own(jobs.double, n=4).result() == 8


@pytest.mark.parametrize(
    ("function", "input", "code", "says", "exit_code"),
    [
        (jobs.exits, {"code": 3}, "exit", "SystemExit(3)", 3),
        (jobs.exits, {"code": 0}, "exit", "SystemExit(0)", 0),
        (jobs.exits_at_once, {"code": 5}, "exit_code", "ended with exit code 5 before its function returned", 5),
        (jobs.exits_at_once, {"code": 0}, "exit_code", "ended with exit code 0 before its function returned", 0),
        (jobs.crashes, {}, "signal", "SIGSEGV", -signal.SIGSEGV),
        (jobs.cancels_itself, {}, "CancelledError", "CancelledError", 0),
    ],
)
def test_a_child_that_dies_fails_its_attempt_only(
    scene: Scene, own: Own, function: Own, input: dict[str, Any], code: str, says: str, exit_code: int
) -> None:
    handle = own(function, **input)
    job, (attempt,) = handle.job(), scene.attempts(handle)
    assert (job.status, job.error_code, attempt.exit_code) == ("FAILED", code, exit_code)
    assert job.error_message is not None and says in job.error_message
    if function is jobs.exits_at_once:
        assert messages(scene, handle, "STDOUT") == ["last words"]
    if function is jobs.crashes:
        assert attempt.stack_trace is not None and "in crashes" in attempt.stack_trace


def test_a_child_that_runs_out_of_memory_is_told_apart(scene: Scene, own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = partial(Spec, memory_limit_bytes=96 << 20)
    monkeypatch.setattr(isolated, "Spec", limited)
    handle = own(jobs.uses, megabytes=400)
    assert handle.job().error_code in ("oom", "MemoryError")


@pytest.mark.parametrize(
    ("what", "stored"),
    [
        ("nan", None),
        ("nul", "a\ufffdb"),
        ("surrogate", "\ufffd"),
        ("big", "x" * (2 << 20)),
        ("int", "1" + "0" * 80),
    ],
)
def test_a_poisonous_result_is_cleaned_and_fails_nothing(scene: Scene, own: Own, what: str, stored: Any) -> None:
    handle = own(jobs.poison, what=what)
    assert handle.result() == stored


@pytest.mark.parametrize("what", ["deep", "unpicklable"])
def test_a_result_that_is_no_json_is_described(scene: Scene, own: Own, what: str) -> None:
    handle = own(jobs.poison, what=what)
    assert handle.job().status == "COMPLETED"
    assert ("lock" in handle.result()) if what == "unpicklable" else isinstance(handle.result(), list)


def test_outcomes_are_values_in_a_child_too(scene: Scene) -> None:
    call = register(scene, jobs.answers, retry=3)
    handles = {what: call.enqueue(what=what) for what in ("snooze", "cancel", "retry", "fail", "done")}
    with scene.work():
        for what, status in {"cancel": "CANCELLED", "fail": "FAILED", "done": "COMPLETED"}.items():
            scene.until(handles[what], status)
        snoozed, retried = scene.until(handles["snooze"], "PENDING"), scene.until(handles["retry"], "PENDING")
    assert (snoozed.wait_reason, snoozed.failure_count) == ("SCHEDULE", 0)
    assert (retried.wait_reason, retried.failure_count) == ("RETRY", 1)
    assert handles["cancel"].job().cancel_reason == "no need \ufffd"
    failed = scene.client.result(handles["fail"].id)
    assert failed is not None and failed.output == {"left": 3}
    assert (handles["fail"].job().error_code, handles["fail"].job().failure_count) == ("mine", 1)
    done = scene.client.result(handles["done"].id)
    assert done is not None and done.summary == "well done"


def test_a_gate_frees_the_slot_ends_the_child_and_goes_on_when_decided(scene: Scene, tmp_path: Path) -> None:
    handle = register(scene, jobs.waits_for_people).enqueue(folder=str(tmp_path))
    with scene.work(slots=1):
        assert scene.until(handle, "PENDING").wait_reason == "GATE"
        wait_until((tmp_path / "unwound").exists, "the code unwinds")
        scene.client.decide(scene.gate(handle), approve=True, form={"when": "now"})
        assert "approved by" in handle.result(timeout=60) and "now" in handle.result()
    assert (tmp_path / "draft").read_text() == "x"


@pytest.mark.parametrize(
    ("function", "input"), [(jobs.holds_on, {}), (jobs.holds_on, {"stubborn": True}), (jobs.waits, {})]
)
def test_cancel_stops_the_child_and_everything_it_started(
    scene: Scene, tmp_path: Path, function: Own, input: dict[str, Any]
) -> None:
    call = register(scene, function)
    handle = call.enqueue(folder=str(tmp_path), **input)
    with scene.work():
        wait_until(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text() != "", "it starts")
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        scene.client.cancel(handle.id, "enough")
        job = scene.ends(handle)
    (attempt,) = scene.attempts(handle)
    assert (job.status, job.cancel_reason, attempt.status) == ("CANCELLED", "enough", "CANCELLED")
    assert attempt.cpu_seconds is not None
    assert all(is_gone(pid) for pid in pids)
    if not input:
        assert (tmp_path / "cleaned up").read_text() == "True"
    else:
        assert attempt.exit_code == -signal.SIGKILL


def test_the_time_limits_hold_for_children(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    long = register(scene, jobs.holds_on, timeout="400ms").enqueue(folder=str(tmp_path / "a"))
    silent = register(scene, jobs.waits, idle_timeout="400ms").enqueue(folder=str(tmp_path / "b"))
    with scene.work():
        assert (scene.ends(long).error_code, scene.ends(silent).error_code) == ("timeout", "idle_timeout")
    assert [scene.attempts(each)[0].status for each in (long, silent)] == ["TIMED_OUT", "TIMED_OUT"]


def test_a_shutdown_gives_the_job_of_a_child_back(scene: Scene, tmp_path: Path) -> None:
    handle = register(scene, jobs.waits).enqueue(folder=str(tmp_path))
    with scene.work() as worker:
        wait_until((tmp_path / "pids").exists, "it starts")
        worker.stop(at_once=True)
        worker.join()
    (attempt,) = scene.attempts(handle)
    assert (handle.job().status, handle.job().failure_count, attempt.status) == ("QUEUED", 0, "INTERRUPTED")


def test_a_lost_attempt_is_killed_and_writes_nothing_more(scene: Scene, tmp_path: Path) -> None:
    handle = register(scene, jobs.blocks).enqueue(folder=str(tmp_path))
    with scene.work(beat_seconds=60.0, lease_seconds=600.0) as at_work:
        wait_until((tmp_path / "began").exists, "it starts")
        scene.client.pause("default")
        lost = at_work.worker
        assert lost is not None
        with scene.database.connect() as conn:
            run(conn, workers.stop([lost.id], "declared gone by the test"), ALL_WORKSPACES)
            run(conn, workers.rescue(), ALL_WORKSPACES)
        (tmp_path / "go").write_text("x")
        wait_until(lambda: not lost.running, "the lost attempt is dropped")
    assert (handle.job().status, scene.client.steps(handle.id)) == ("QUEUED", [])
    scene.client.resume("default")
    with scene.work():
        assert handle.result(timeout=60) == "done"


def test_a_process_that_does_not_end_after_its_function_is_ended(scene: Scene) -> None:
    call = register(scene, jobs.leaves_a_thread)
    handle = call.enqueue()
    with scene.work():
        assert handle.result(timeout=60) == "returned"


def test_a_child_gets_the_environment_but_not_our_settings(
    scene: Scene, own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBTRAIL_DATABASE_URL", "postgresql://u:secret@h/d")
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    given = own(
        jobs.environment, names=["JOBTRAIL_DATABASE_URL", "JOBTRAIL_API_KEY", "OPENAI_API_KEY", "PATH"]
    ).result()
    assert (given["JOBTRAIL_DATABASE_URL"], given["JOBTRAIL_API_KEY"]) == (None, None)
    assert (given["OPENAI_API_KEY"], given["PATH"]) == ("theirs", os.environ["PATH"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_child_inherits_no_connection_of_the_worker(scene: Scene, own: Own) -> None:
    handle = register(scene, jobs.open_files).enqueue()
    with scene.work():
        theirs = set(handle.result(timeout=60))
        ours = {file for file in jobs.open_files() if file.startswith(("socket:", "anon_inode:[eventpoll]", "pipe:"))}
        assert len(ours) > 4
        sockets = {file for file in theirs if file.startswith("socket:")}
    assert sockets and not sockets & ours
    assert "/dev/null" in theirs


def test_a_secret_that_the_child_asked_for_is_hidden(scene: Scene, own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2-hunter2")
    handle = own(jobs.tells_a_secret)
    assert "hunter2" not in str(handle.result()) + str(scene.log(handle))
    assert messages(scene, handle, "STDOUT") == ["the secret is •••"]


def test_stdin_is_empty(own: Own) -> None:
    assert own(jobs.reads_stdin).result() == ""


def test_a_child_that_garbles_the_connection_fails(scene: Scene, own: Own) -> None:
    handle = own(jobs.talks_badly)
    assert handle.job().error_code == "protocol"


def test_input_that_does_not_fit_fails_finally(scene: Scene) -> None:
    call = register(scene, jobs.double, retry=5)
    forced = scene.client.enqueue_all([call.new(n=1)._replace(input=b'{"n": "many"}')]).ids[0]
    handle: Handle[Any] = Handle(forced, False, scene.app, Any)
    with scene.work():
        job = scene.ends(handle)
    assert (job.status, job.error_code, job.failure_count) == ("FAILED", "invalid", 1)


def test_a_function_inside_another_is_refused_where_it_is_registered(scene: Scene) -> None:
    def inner() -> None: ...

    with pytest.raises(Invalid, match="top of its module"):
        register(scene, inner)


def test_steps_that_finished_are_not_run_again_in_the_next_child(scene: Scene, tmp_path: Path) -> None:
    call = register(scene, jobs.steps_then_dies, retry=jt.Retry(max_attempts=2, delay=0))
    handle = call.enqueue(folder=str(tmp_path))
    with scene.work():
        assert handle.result(timeout=60) == 1
    assert (tmp_path / "count").read_text() == "x"
