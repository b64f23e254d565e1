"""The course of a pipeline: conditions, values, further tries, and what comes out. Real processes throughout."""

from __future__ import annotations

from pathlib import Path

from runners.pipelines import bed, begun, cleanup, done, failed, gate, step, warnings

from jobtrail.core.fence import Used
from jobtrail.core.status import LogSource, ResultStatus
from jobtrail.runners.command import CommandRunner
from jobtrail.runners.pipeline.step import plus


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
    burn = ["python3", "-S", "-c", "import time; sum(range(1_000_000)); print(time.process_time())"]
    steps = [step("a"), gate("b"), gate("c")]
    job = bed(tmp_path, *(each | {"run": burn, "shell": False} for each in steps))
    used = done(job.attempt()).used
    burnt = [float(line) for line in job.desk.printed(source=LogSource.STDOUT)]
    assert len(burnt) == 3
    assert used.cpu_seconds is not None
    assert used.cpu_seconds >= sum(burnt)
    assert plus(Used(1.0, 5, None, 1), Used(None, 3, 2, None)) == Used(1.0, 5, 2, 1)


def test_two_jobs_of_one_runner_do_not_disturb_each_other(tmp_path: Path) -> None:
    runner = CommandRunner()
    for name in ("a", "b"):
        done(bed(tmp_path / name, step(name)).attempt(runner=runner))
