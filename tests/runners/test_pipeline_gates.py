"""Gates: side by side, reported together, each with a log of its own. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from runners.desk import FakeDesk
from runners.pipelines import HANG, bed, cleanup, done, failed, gate, set_up

from jobtrail.core.errors import Unavailable
from jobtrail.core.outcome import Dropped, Stopped
from jobtrail.core.status import LogSource, StepStatus


def test_gates_of_a_block_run_side_by_side_and_log_under_their_own_names(tmp_path: Path) -> None:
    """Each waits for a sign of the other; one after the other, the first would wait forever."""
    a = gate("a", "echo I am a; echo x > there; read _ < back", timeout="10s")
    b = gate("b", "echo I am b; read _ < there; echo x > back", timeout="10s")
    job = bed(tmp_path, set_up("meet", "mkfifo there back"), a, b)
    done(job.attempt())
    assert job.desk.printed("a", LogSource.STDOUT) == ["I am a"]
    assert job.desk.printed("b", LogSource.STDOUT) == ["I am b"]


def test_the_end_of_one_gate_leaves_the_others_alone(tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    job = bed(tmp_path / "job", gate("quick"), gate("slow", f"read _ < {go}; echo still here"))

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: "completed quick" in desk.history)
        await asyncio.to_thread(go.write_text, "go\n")

    done(job.attempt(meanwhile))
    assert job.desk.printed("slow", LogSource.STDOUT) == ["still here"]


def test_all_gates_that_failed_are_reported_together(tmp_path: Path) -> None:
    job = bed(
        tmp_path, gate("lint", "echo line 3 is bad; exit 1"), gate("types"), gate("tests", "exit 2"), gate("slow")
    )
    outcome = failed(job.attempt())
    assert outcome.code == "gate_failed"
    assert outcome.message == (
        "2 of 4 gates failed\nstep 'lint' ended with exit code 1\nline 3 is bad\nstep 'tests' ended with exit code 2"
    )
    assert job.memory.statuses() == {"lint": "FAILED", "types": "COMPLETED", "tests": "FAILED", "slow": "COMPLETED"}


def test_a_gate_whose_command_is_missing_fails_for_good(tmp_path: Path) -> None:
    outcome = failed(bed(tmp_path, gate("a") | {"shell": False, "run": ["no-such-command-here"]}).attempt())
    assert (outcome.code, outcome.final) == ("gate_failed", True)


def test_gates_that_are_stopped_all_stop(tmp_path: Path) -> None:
    job = bed(tmp_path, gate("a", "echo a; exec tail -f /dev/null"), gate("b", "echo b; exec tail -f /dev/null"))

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: {"a", "b"} <= set(desk.printed()))
        desk.stop("cancelled")

    assert isinstance(job.attempt(meanwhile), Stopped)
    assert job.memory.statuses() == {"a": "FAILED", "b": "FAILED"}


def test_gates_of_an_attempt_that_is_lost_all_stop(tmp_path: Path) -> None:
    job = bed(tmp_path, gate("a", "echo a; exec tail -f /dev/null"), gate("b", "echo b; exec tail -f /dev/null"))

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: {"a", "b"} <= set(desk.printed()))
        desk.stop("lost")

    with pytest.raises(Dropped):
        job.attempt(meanwhile)
    assert job.memory.statuses() == {"a": "RUNNING", "b": "RUNNING"}


def test_a_gate_that_cannot_be_recorded_stops_the_others(tmp_path: Path) -> None:
    job = bed(tmp_path, gate("quick"), gate("slow", HANG), cleanup("tidy"))

    async def meanwhile(desk: FakeDesk) -> None:
        finish = desk.finish_step

        async def away(*_: object) -> None:
            desk.finish_step = finish  # type: ignore[method-assign]
            raise Unavailable("the database is away")

        desk.finish_step = away  # type: ignore[method-assign,assignment]

    with pytest.raises(Unavailable):
        job.attempt(meanwhile)
    assert job.memory.steps["tidy"].status is StepStatus.COMPLETED
