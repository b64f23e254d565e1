"""What always runs, however a job is stopped or fails. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from runners.desk import FakeDesk
from runners.pipelines import HANG, bed, begun, cleanup, done, failed, gate, set_up, step, stopping, warnings

from jobtrail.core.errors import Unavailable
from jobtrail.core.outcome import Stopped
from jobtrail.core.status import AttemptStatus, LogSource, ResultStatus, StepStatus


def test_a_failed_step_skips_the_rest_but_not_cleanup(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "exit 3"), step("b"), gate("c"), cleanup("d", "echo tidy"))
    outcome = failed(job.attempt())
    assert outcome.code == "exit_code"
    assert job.memory.statuses() == {"a": "FAILED", "b": "SKIPPED", "c": "SKIPPED", "d": "COMPLETED"}
    assert job.memory.steps["b"].error == "an earlier step failed: step 'a' ended with exit code 3"
    assert isinstance(outcome.output, dict)
    assert outcome.output["steps"]["a"]["exit_code"] == 3


def test_cleanup_runs_in_every_attempt(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "test -e fixed"), cleanup("tidy", "echo tidy"))
    for _ in range(2):
        failed(job.attempt())
        assert job.desk.printed("tidy", LogSource.STDOUT) == ["tidy"]
    assert job.memory.statuses() == {"a": "FAILED", "tidy": "COMPLETED", "tidy#2": "COMPLETED"}


@pytest.mark.parametrize("reason", ["cancelled", "timeout", "shutdown"])
def test_cleanup_runs_after_a_stop_and_is_not_stopped_by_it(tmp_path: Path, reason: str) -> None:
    job = bed(tmp_path, step("a", HANG), step("b"), cleanup("tidy", "echo tidy > tidy.txt; cat tidy.txt"))
    outcome = job.attempt(stopping(reason))
    assert isinstance(outcome, Stopped)
    assert job.desk.printed("tidy", LogSource.STDOUT) == ["tidy"]
    assert job.memory.steps["a"].status is StepStatus.FAILED
    assert ("b" in job.memory.steps) == (reason != "shutdown"), "another attempt will run what a shutdown left"


def test_a_stop_in_the_middle_of_cleanup_does_not_cut_it_short(tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    job = bed(tmp_path / "job", step("a"), cleanup("tidy", f"echo up; read _ < {go}; echo tidy"))

    async def meanwhile(desk: FakeDesk) -> None:
        await stopping("cancelled")(desk)
        await asyncio.to_thread(go.write_text, "go\n")

    done(job.attempt(meanwhile))
    assert job.desk.printed("tidy", LogSource.STDOUT) == ["up", "tidy"]


def test_a_job_that_was_stopped_before_it_began_only_cleans_up(tmp_path: Path) -> None:
    job = bed(tmp_path, set_up("a"), step("b", **{"if": "always()"}), cleanup("tidy"))

    async def at_once(desk: FakeDesk) -> None:
        desk.stop("cancelled")

    assert isinstance(job.attempt(at_once), Stopped)
    assert begun(job.desk) == ["tidy"]


def test_cleanup_that_hangs_is_ended_and_the_next_one_runs(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a"), cleanup("hangs", HANG, timeout="200ms"), cleanup("tidy"))
    outcome = done(job.attempt())
    assert outcome.status is ResultStatus.PARTIAL
    assert outcome.summary == "2 steps completed, failed to clean up: hangs"
    assert job.memory.statuses() == {"a": "COMPLETED", "hangs": "FAILED", "tidy": "COMPLETED"}


def test_cleanup_runs_when_a_step_timed_out(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", HANG, timeout="200ms"), cleanup("tidy"))
    outcome = failed(job.attempt())
    assert (outcome.code, outcome.status) == ("timeout", AttemptStatus.TIMED_OUT)
    assert job.memory.steps["tidy"].status is StepStatus.COMPLETED


def test_cleanup_runs_when_something_could_not_be_recorded(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "echo up"), step("b"), cleanup("tidy", "touch tidy", **{"if": "failure()"}))

    async def meanwhile(desk: FakeDesk) -> None:
        finish = desk.finish_step

        async def once(*_: object) -> None:
            desk.finish_step = finish  # type: ignore[method-assign]
            raise Unavailable("the database is away")

        desk.finish_step = once  # type: ignore[method-assign,assignment]

    with pytest.raises(Unavailable):
        job.attempt(meanwhile)
    assert (job.work / "tidy").exists()
    assert job.memory.statuses() == {"a": "RUNNING", "tidy": "COMPLETED"}


@pytest.mark.parametrize(
    ("reason", "name"), [("cancelled", "cancelled"), ("timeout", "failed"), ("shutdown", "cancelled")]
)
def test_cleanup_can_tell_a_cancellation_from_a_failure(tmp_path: Path, reason: str, name: str) -> None:
    job = bed(
        tmp_path,
        step("a", HANG),
        cleanup("cancelled", **{"if": "cancelled()"}),
        cleanup("failed", **{"if": "failure()"}),
    )
    job.attempt(stopping(reason))
    assert begun(job.desk) == ["a", name]


def test_a_stop_ends_the_wait_for_the_next_try(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "exit 1", retry={"max_attempts": 2, "delay": "1h"}), cleanup("tidy"))

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: warnings(desk))
        desk.stop("cancelled")

    assert isinstance(job.attempt(meanwhile), Stopped)
    assert begun(job.desk) == ["a", "tidy"]
