"""The course of a pipeline: what follows what, what is remembered, what always runs. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from runners.desk import Bed, FakeDesk

from jobtrail.core.errors import Unavailable
from jobtrail.core.outcome import Done, Fail, Outcome, Stopped
from jobtrail.core.status import AttemptStatus, LogLevel, LogSource, ResultStatus, StepStatus
from jobtrail.runners.command import CommandRunner

Step = dict[str, object]


def step(name: str, text: str = "true", **more: object) -> Step:
    return {"name": name, "shell": True, "run": text, **more}


def gate(name: str, text: str = "true", **more: object) -> Step:
    return step(name, text, phase="VALIDATION", type="GATE", **more)


def set_up(name: str, text: str = "true", **more: object) -> Step:
    return step(name, text, phase="SETUP", **more)


def cleanup(name: str, text: str = "true", **more: object) -> Step:
    return step(name, text, phase="CLEANUP", **more)


def bed(folder: Path, *steps: Step, **more: object) -> Bed:
    return Bed(folder, {"steps": list(steps), **more})


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def failed(outcome: Outcome) -> Fail:
    assert isinstance(outcome, Fail), outcome
    return outcome


def begun(desk: FakeDesk) -> list[str]:
    return [entry.removeprefix("begin ") for entry in desk.history if entry.startswith("begin ")]


def warnings(desk: FakeDesk) -> list[str]:
    return [line.message for _, line in desk.lines if line.level is LogLevel.WARN]


def stopping(reason: str, when: str = "up") -> Callable[[FakeDesk], Awaitable[None]]:
    """Stop the job once a step has printed a line."""

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: when in desk.printed())
        desk.stop(reason)

    return meanwhile


HANG = "echo up; exec tail -f /dev/null"

TESTS = """
import unittest
from add import add
class AddTest(unittest.TestCase):
    def test_add(self):
        open("report.txt", "w").write("ran")
        self.assertEqual(add(2, 2), 4)
"""


def repository(folder: Path) -> Path:
    folder.mkdir()
    (folder / "add.py").write_text("def add(a, b):\n    return a - b\n")
    (folder / "test_add.py").write_text(TESTS)
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *words], check=True, env={"PATH": os.environ["PATH"], "HOME": str(folder)})
    return folder


def test_a_checkout_is_tested_and_after_a_fix_only_the_tests_run_again(tmp_path: Path) -> None:
    unittest = ["python3", "-m", "unittest", "-q"]
    steps: list[Step] = [
        {"name": "checkout", "phase": "SETUP", "run": ["git", "clone", "-q", "{input.repo}", "src"]},
        {
            "name": "unit tests",
            "phase": "VALIDATION",
            "type": "GATE",
            "run": unittest,
            "cwd": "src",
            "artifacts": ["report.txt"],
        },
    ]
    job = bed(tmp_path / "job", *steps, input={"repo": str(repository(tmp_path / "repo"))})
    outcome = failed(job.attempt())
    assert outcome.code == "gate_failed"
    assert outcome.message.startswith("step 'unit tests' ended with exit code 1\n")
    assert "AssertionError: 0 != 4" in outcome.message
    assert [kept.name for kept in job.desk.kept] == ["report.txt"]

    (job.work / "src" / "add.py").write_text("def add(a, b):\n    return a + b  # fixed\n")
    outcome2 = done(job.attempt())
    assert begun(job.desk) == ["unit tests"]
    assert outcome2.summary == "2 steps completed (1 in an earlier attempt)"
    assert isinstance(outcome2.output, dict)
    assert outcome2.output["steps"]["checkout"]["remembered"] is True
    assert outcome2.output["steps"]["checkout"]["exit_code"] == 0


def test_the_step_that_a_crash_left_half_done_begins_with_an_empty_folder(tmp_path: Path) -> None:
    job = bed(tmp_path, set_up("checkout", "mkdir src && cd src && pwd"))
    job.folder.joinpath("work", "src").mkdir(parents=True)
    done(job.attempt())


def test_a_later_attempt_finds_the_files_of_steps_that_completed(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "echo made > file"), step("b", "cat file; test -e fixed"))
    failed(job.attempt())
    (job.work / "fixed").touch()
    done(job.attempt())
    assert begun(job.desk) == ["b"]
    assert job.desk.printed("b", LogSource.STDOUT) == ["made"]


def test_a_later_attempt_fills_in_what_an_earlier_one_answered(tmp_path: Path) -> None:
    job = bed(
        tmp_path,
        step("a", "echo x; echo '{\"n\": [1, 2]}'", output="stdout_json"),
        {"name": "b", "run": ["test", "-e", "fixed{steps.a.output.n.1}"]},
    )
    failed(job.attempt())
    (job.work / "fixed2").touch()
    done(job.attempt())
    assert begun(job.desk) == ["b"]


def test_on_another_machine_set_up_and_gates_run_again_and_work_does_not(tmp_path: Path) -> None:
    steps = [set_up("checkout", "echo x > src"), step("build"), gate("lint", "cat src"), gate("tests", "test -e fixed")]
    job = bed(tmp_path / "one", *steps)
    failed(job.attempt())

    job.folder = tmp_path / "two"
    failed(job.attempt())
    assert begun(job.desk) == ["checkout#2", "lint#2", "tests"]
    assert ["'build' completed in another folder" in text for text in warnings(job.desk)] == [True]

    failed(job.attempt())
    assert begun(job.desk) == ["tests"]

    job.folder = tmp_path / "one"
    (job.work / "fixed").touch()
    done(job.attempt())
    assert begun(job.desk) == ["tests"]


def test_a_step_may_ask_to_run_again_on_another_machine(tmp_path: Path) -> None:
    steps = [set_up("a", rerun_when_moved=False), step("b", rerun_when_moved=True), step("c", "test -e fixed")]
    job = bed(tmp_path / "one", *steps)
    failed(job.attempt())
    job.folder = tmp_path / "two"
    failed(job.attempt())
    assert begun(job.desk) == ["b#2", "c"]


def test_a_step_that_is_marked_but_not_recorded_runs_again(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "echo ran"))
    done(job.attempt())
    job.memory.steps["a"].status = StepStatus.RUNNING  # the worker was killed between the two
    done(job.attempt())
    assert begun(job.desk) == ["a"]


def test_the_marker_of_another_job_counts_for_nothing(tmp_path: Path) -> None:
    first = bed(tmp_path, set_up("a", "test ! -e file; touch file"))
    done(first.attempt())
    second = bed(tmp_path, set_up("a", "test ! -e file"))
    done(second.attempt())
    assert begun(second.desk) == ["a"]


def test_a_gate_that_passed_is_checked_anew_when_a_step_before_it_runs_again(tmp_path: Path) -> None:
    job = bed(tmp_path, step("write", "date > file", remember=False), gate("lint"), gate("tests", "test -e fixed"))
    failed(job.attempt())
    failed(job.attempt())
    assert begun(job.desk) == ["write#2", "lint#2", "tests"]


def test_a_gate_that_passed_is_not_checked_again_if_nothing_changed(tmp_path: Path) -> None:
    job = bed(tmp_path, step("write"), gate("lint"), gate("tests", "test -e fixed"))
    failed(job.attempt())
    failed(job.attempt())
    assert begun(job.desk) == ["tests"]


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
    job = bed(tmp_path, step("a", "echo up"), step("b"), cleanup("tidy", "touch tidy"))

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


def test_conditions_decide_what_runs_after_a_failure(tmp_path: Path) -> None:
    job = bed(
        tmp_path,
        step("ok", **{"if": "input.mode == 'full'"}),
        step("fails", "exit 1"),
        step("on failure", **{"if": "failure()"}),
        step("always", **{"if": "always() and steps.fails.exit_code == 1"}),
        step("on success", **{"if": "success()"}),
        step("plain", **{"if": "input.mode == 'full'"}),
        cleanup("tidy", **{"if": "input.mode == 'full'"}),
        cleanup("only if cancelled", **{"if": "cancelled()"}),
        input={"mode": "full"},
    )
    failed(job.attempt())
    ran = [name for name, status in job.memory.statuses().items() if status != "SKIPPED"]
    assert ran == ["ok", "fails", "on failure", "always", "tidy"]


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


def test_a_step_whose_condition_does_not_hold_is_skipped_with_the_reason(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", **{"if": "input.mode == 'full'"}), step("b"), input={"mode": "fast"})
    outcome = done(job.attempt())
    assert job.memory.steps["a"].error == "its condition does not hold: input.mode == 'full'"
    assert outcome.summary == "1 step completed, 1 skipped"


def test_a_failure_may_be_let_pass(tmp_path: Path) -> None:
    job = bed(
        tmp_path,
        step("lint", "exit 1", continue_on_error=True),
        gate("style", "exit 1", continue_on_error=True),
        step("b"),
    )
    outcome = done(job.attempt())
    assert outcome.status is ResultStatus.PARTIAL
    assert outcome.summary == "1 step completed, failed and let pass: lint, style"
    assert job.memory.statuses() == {"lint": "FAILED", "b": "COMPLETED", "style": "FAILED"}


def test_a_step_is_tried_again_in_place(tmp_path: Path) -> None:
    text = "echo x >> tries; test $(wc -l < tries) -eq 3"
    job = bed(tmp_path, step("flaky", text, retry={"max_attempts": 3, "delay": "10ms"}))
    done(job.attempt())
    assert begun(job.desk) == ["flaky"]
    assert warnings(job.desk) == [
        "step 'flaky' ended with exit code 1; try 2 of 3 in 10ms",
        "step 'flaky' ended with exit code 1 (the last of 2 tries); try 3 of 3 in 10ms",
    ]


def test_a_step_that_never_works_says_how_often_it_was_tried(tmp_path: Path) -> None:
    outcome = failed(bed(tmp_path, step("a", "exit 1", retry={"max_attempts": 2, "delay": 0})).attempt())
    assert outcome.message == "step 'a' ended with exit code 1 (the last of 2 tries)"


def test_what_does_not_exist_is_not_tried_again(tmp_path: Path) -> None:
    job = bed(tmp_path, {"name": "a", "run": ["no-such-command-here"], "retry": {"max_attempts": 9, "delay": "1h"}})
    assert failed(job.attempt()).code == "not_found"


def test_a_stop_ends_the_wait_for_the_next_try(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "exit 1", retry={"max_attempts": 2, "delay": "1h"}), cleanup("tidy"))

    async def meanwhile(desk: FakeDesk) -> None:
        await desk.until(lambda: warnings(desk))
        desk.stop("cancelled")

    assert isinstance(job.attempt(meanwhile), Stopped)
    assert begun(job.desk) == ["a", "tidy"]


def test_values_are_filled_in_word_by_word_and_never_split(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.argv[1:], os.environ['N'], os.path.basename(os.getcwd()))"
    job = bed(
        tmp_path,
        step("make", "mkdir 'a b'; echo 'last line'; echo ''", output="stdout_line"),
        {
            "name": "show",
            "run": ["python3", "-c", code, "{input.text}", "{steps.make.output}!", "{job.type}/{attempt.number}"],
            "env": {"N": "{steps.make.exit_code}"},
            "cwd": "a b",
        },
        input={"text": "two words; $(rm) {x}"},
        env={"N": "overridden", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    done(job.attempt())
    assert job.desk.printed("show", LogSource.STDOUT) == ["['two words; $(rm) {x}', 'last line!', 'command/1'] 0 a b"]


def test_the_folder_and_the_job_can_be_named(tmp_path: Path) -> None:
    job = bed(tmp_path, {"name": "a", "run": ["echo", "{workdir}", "{job.id}"]})
    done(job.attempt())
    assert job.desk.printed("a", LogSource.STDOUT) == [f"{job.work} {job.memory.job_id}"]


def test_what_is_not_there_when_it_is_needed_fails_the_step(tmp_path: Path) -> None:
    job = bed(
        tmp_path, step("a", "echo '{}'", output="stdout_json"), {"name": "b", "run": ["echo", "{steps.a.output.x}"]}
    )
    outcome = failed(job.attempt())
    assert outcome.message.startswith(
        "step 'b' could not be run: {steps.a.output.x}: there is no 'x' in steps.a.output"
    )
    assert job.memory.statuses() == {"a": "COMPLETED", "b": "FAILED"}


def test_an_answer_that_is_no_json_is_told_and_not_a_failure(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a", "echo '{broken'", output="stdout_json"))
    done(job.attempt())
    assert "the output is not remembered" in warnings(job.desk)[0]


def test_progress_grows_to_a_hundred(tmp_path: Path) -> None:
    job = bed(tmp_path, step("a"), step("b", **{"if": "failure()"}), gate("c"), cleanup("d"))
    done(job.attempt())
    assert job.desk.percents == sorted(job.desk.percents)
    assert job.desk.percents[-1] == 100


def test_what_was_used_is_summed(tmp_path: Path) -> None:
    burn = ["python3", "-S", "-c", "sum(range(4_000_000))"]
    one = done(bed(tmp_path / "1", {"name": "a", "run": burn}).attempt()).used
    two = done(
        bed(tmp_path / "2", {"name": "a", "run": burn}, gate("b") | {"run": burn, "shell": False}, gate("c")).attempt()
    ).used
    assert one.cpu_seconds
    assert two.cpu_seconds
    assert two.cpu_seconds > one.cpu_seconds * 1.3
    assert two.memory_bytes
    assert one.memory_bytes
    assert two.memory_bytes < one.memory_bytes * 2


def test_two_jobs_of_one_runner_do_not_disturb_each_other(tmp_path: Path) -> None:
    runner = CommandRunner()
    for name in ("a", "b"):
        done(bed(tmp_path / name, step(name)).attempt(runner=runner))


def test_a_folder_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    job = bed(tmp_path / "job", set_up("a", "touch file"), gate("b", "test -e file && test -e fixed"))
    failed(job.attempt())
    shutil.rmtree(job.folder)
    failed(job.attempt())
    assert begun(job.desk) == ["a#2", "b"]
