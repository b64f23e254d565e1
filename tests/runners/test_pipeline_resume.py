"""What a later attempt finds: steps that are remembered, files that are here or not, gates that still count. Real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from runners.pipelines import Step, bed, begun, done, failed, gate, set_up, step, warnings

from jobtrail.core.status import LogSource, StepStatus

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


def test_a_folder_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    job = bed(tmp_path / "job", set_up("a", "touch file"), gate("b", "test -e file && test -e fixed"))
    failed(job.attempt())
    shutil.rmtree(job.folder)
    failed(job.attempt())
    assert begun(job.desk) == ["a#2", "b"]
