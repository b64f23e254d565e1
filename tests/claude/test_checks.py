"""Checks after an agent: side by side, each a gate with its reports, and what is said to the agent of those that failed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from claude.tables import AskingDesk, now
from runners.desk import Memory

from jobtrail.core.errors import Unavailable
from jobtrail.core.outcome import Dropped
from jobtrail.core.status import LogSource
from jobtrail.runners.claude.checks import Check, Report, continuation, faults, run_checks
from jobtrail.runners.pipeline.model import EnvReference

ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def sh(name: str, text: str, **more: Any) -> Check:
    return Check(name=name, run=text, shell=True, **more)


class Round:
    """One desk and what was said at it."""

    def __init__(self, folder: Path, memory: Memory | None = None) -> None:
        self.folder = folder
        self.desk = AskingDesk(folder, memory)
        self.stop = asyncio.Event()

    def run(
        self,
        *checks: Check,
        meanwhile: Callable[[AskingDesk], Awaitable[None]] | None = None,
        number: int = 1,
        attempt: int = 1,
        env: Mapping[str, str] = ENV,
        secrets: Sequence[str] = (),
    ) -> list[Report]:
        async def main() -> list[Report]:
            running = asyncio.ensure_future(
                run_checks(
                    checks,
                    cwd=self.folder,
                    env=env,
                    desk=self.desk,
                    halt_event=self.stop,
                    marker=str(uuid4()),
                    round=number,
                    attempt=attempt,
                    secrets=secrets,
                )
            )
            if meanwhile is not None:
                await meanwhile(self.desk)
            return await running

        return now(main())


@pytest.fixture
def round_(tmp_path: Path) -> Round:
    return Round(tmp_path)


def test_a_check_is_a_gate_of_its_round(round_: Round) -> None:
    good, bad = round_.run(sh("unit", "echo fine"), sh("lint", "echo line 3 is bad >&2; exit 2"))
    assert (good.passed, good.exit_code, good.code) == (True, 0, None)
    assert (bad.passed, bad.exit_code, bad.code, bad.tail) == (False, 2, "exit_code", ("line 3 is bad",))
    assert bad.told() == {"name": "lint", "passed": False, "exit_code": 2, "summary": "ended with exit code 2"}
    assert round_.desk.memory.statuses() == {"check unit#1": "COMPLETED", "check lint#1": "FAILED"}
    assert round_.desk.memory.steps["check lint#1"].error == "ended with exit code 2"
    assert round_.desk.printed("check unit", LogSource.STDOUT) == ["fine"]


def test_checks_run_side_by_side(round_: Round) -> None:
    """Each waits for a sign of the other; one after the other, the first would wait until its timeout."""
    os.mkfifo(round_.folder / "there")
    os.mkfifo(round_.folder / "back")
    a = sh("a", "echo x > there; read _ < back", timeout="30s")
    b = sh("b", "read _ < there; echo x > back", timeout="30s")
    assert [report.passed for report in round_.run(a, b)] == [True, True]


def test_the_end_of_one_check_leaves_the_others_alone(round_: Round) -> None:
    os.mkfifo(round_.folder / "go")

    async def meanwhile(desk: AskingDesk) -> None:
        await desk.until(lambda: "completed check quick#1" in desk.history)
        await asyncio.to_thread((round_.folder / "go").write_text, "go\n")

    reports = round_.run(sh("quick", "true"), sh("slow", "read _ < go; echo still here"), meanwhile=meanwhile)
    assert [report.tail for report in reports] == [(), ("still here",)]


def test_the_reports_of_a_check_that_failed_are_kept(round_: Round) -> None:
    check = sh(
        "unit", "mkdir out; echo '<x/>' > out/report.xml; echo one; echo two >&2; exit 1", artifacts=["out/*.xml"]
    )
    assert not round_.run(check)[0].passed
    assert round_.desk.file("out/report.xml") == b"<x/>\n"
    assert sorted(round_.desk.file("unit.round-1.log").splitlines()) == [b"one", b"two"]
    assert {each.step for each in round_.desk.kept} == {"check unit"}


def test_a_report_that_is_missing_or_leads_outside_fails_nothing_and_is_not_kept(round_: Round) -> None:
    (round_.folder / "work").mkdir()
    (round_.folder / "secret.xml").write_text("secret")
    round_.folder = round_.folder / "work"
    report = round_.run(sh("unit", "ln -s ../secret.xml r.xml", artifacts=["*.xml", "*.html"]))[0]
    assert report.passed
    assert round_.desk.kept == []
    said = "\n".join(round_.desk.printed("check unit"))
    assert "leads out" in said
    assert "no file matches '*.html'" in said


def test_every_round_has_steps_of_its_own_also_in_a_later_attempt(round_: Round) -> None:
    check = sh("unit", "true")
    round_.run(check, number=1)
    round_.run(check, number=2)
    later = Round(round_.folder, round_.desk.memory)
    assert later.run(check, number=1, attempt=2)[0].passed
    assert list(later.desk.memory.steps) == ["check unit#1", "check unit#2", "check unit#2.1"]
    assert "begin check unit#2.1" in later.desk.history


def test_a_check_that_takes_too_long_has_failed_and_its_reports_are_kept(round_: Round) -> None:
    check = sh("slow", "echo begun; echo x > r.txt; exec tail -f /dev/null", timeout="500ms", artifacts=["r.txt"])
    report = round_.run(check)[0]
    assert (report.passed, report.code, report.stopped) == (False, "timeout", False)
    assert report.summary == "ran longer than its timeout of 500ms"
    assert round_.desk.file("r.txt") == b"x\n"
    assert round_.desk.file("slow.round-1.log") == b"begun\n"


def test_a_stop_ends_all_checks_and_is_no_verdict(round_: Round) -> None:
    async def meanwhile(desk: AskingDesk) -> None:
        await desk.until(lambda: len(desk.printed(source=LogSource.STDOUT)) == 2)
        round_.stop.set()

    hang = "echo here; exec tail -f /dev/null"
    reports = round_.run(sh("a", hang), sh("b", hang), meanwhile=meanwhile)
    assert [(report.passed, report.stopped) for report in reports] == [(False, True)] * 2
    assert {row.error for row in round_.desk.memory.steps.values()} == {"was stopped, because the job is to stop"}


def test_an_attempt_that_is_lost_drops_its_checks(round_: Round) -> None:
    async def meanwhile(desk: AskingDesk) -> None:
        await desk.until(lambda: desk.printed(source=LogSource.STDOUT))
        desk.lost = Dropped()
        await asyncio.to_thread((round_.folder / "go").write_text, "go\n")

    os.mkfifo(round_.folder / "go")
    with pytest.raises(Dropped):
        round_.run(sh("a", "echo here; read _ < go; echo lost; exec tail -f /dev/null"), meanwhile=meanwhile)
    assert round_.stop.is_set()


def test_a_check_that_cannot_be_started_or_prepared_fails_in_words(round_: Round) -> None:
    (round_.folder / "link").symlink_to("/")
    missing, outside, secret = round_.run(
        Check(name="missing", run=["no-such-program-here"]),
        sh("outside", "true", cwd="link"),
        sh("secret", "true", env={"KEY": EnvReference("NO_SUCH_VARIABLE")}),
    )
    assert (missing.code, "could not be started" in missing.summary) == ("not_found", True)
    assert "leads out of the folder" in outside.summary
    assert "NO_SUCH_VARIABLE" in secret.summary
    assert set(round_.desk.memory.statuses().values()) == {"FAILED"}


def test_secrets_are_hidden_in_the_log_the_file_and_what_the_agent_is_told(round_: Round) -> None:
    check = sh("leaky", 'echo "$KEY $TOKEN"; exit 1', env={"TOKEN": EnvReference("TOKEN")})
    env = {**ENV, "KEY": "hunter2-hunter2-hunter2"}
    report = round_.run(check, env=env, secrets=["hunter2-hunter2-hunter2"])[0]
    everything = f"{round_.desk.everything()} {round_.desk.file('leaky.round-1.log')!r} {continuation([report])}"
    assert "••• •••" in everything
    assert "hunter2" not in everything
    assert "s3cret" not in everything


def test_a_check_gets_the_given_environment_its_own_and_its_folder(
    round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_WORKER", "x")
    (round_.folder / "sub").mkdir()
    report = round_.run(sh("env", 'echo "$A-$B-${OF_THE_WORKER-none}"; basename "$PWD"', cwd="sub", env={"A": "1"}))[0]
    assert report.tail == ("1--none", "sub")


def test_output_that_cannot_be_kept_fails_no_check(round_: Round, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise Unavailable("no room")

    monkeypatch.setattr(round_.desk, "keep", full)
    (report,) = round_.run(sh("unit", "echo x; echo y > r.txt", artifacts=["r.txt"]))
    assert report.passed
    assert any("could not be kept" in line for line in round_.desk.printed("check unit"))


def test_the_agent_is_told_what_failed_how_to_run_it_and_what_it_printed(round_: Round) -> None:
    colours = "printf '\\033[31mFAILED\\033[0m test_a\\n'; exit 1"
    reports = round_.run(
        sh("unit tests", colours, cwd="."), Check(name="lint", run=["sh", "-c", "exit 3"]), sh("types", "true")
    )
    text = continuation(reports)
    assert "2 of 3 checks failed" in text
    assert "## unit tests: ended with exit code 1\n\nRun it with: printf" in text
    assert "```text\nFAILED test_a\n```" in text
    assert "Run it with: sh -c 'exit 3'\n\nIt printed nothing." in text
    assert "types" not in text
    assert "do not weaken, skip, delete or bypass a check" in text


def test_what_the_agent_is_told_is_bounded_and_cannot_leave_its_fence() -> None:
    flood = tuple(f"{n} " + "x" * 400 for n in range(80))
    reports = [
        Report(
            name=f"c{n}", passed=False, command="make", summary="ended with exit code 1", tail=(*flood, "```", "last")
        )
        for n in range(20)
    ]
    text = continuation(reports)
    assert len(text) < 40_000
    assert text.count("\nlast\n````\n") == 20


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (Check(name="a/b", run=["x"]), "name"),
        (Check(name="a#1", run=["x"]), "name"),
        (Check(name=" ", run=["x"]), "name"),
        (Check(name="a", run="make"), "run"),
        (Check(name="a", run=[]), "run"),
        (Check(name="a", run=["x"], shell=True), "run"),
        (Check(name="a", run=["x"], timeout="soon"), "timeout"),
        (Check(name="a", run=["x"], timeout=0), "timeout"),
        (Check(name="a", run=["x"], cwd="../b"), "cwd"),
        (Check(name="a", run=["x"], cwd="/etc"), "cwd"),
        (Check(name="a", run=["x"], env={"JOBTRAIL_X": "1"}), "env.JOBTRAIL_X"),
        (Check(name="a", run=["x"], env={"X": "$env:not a name"}), "env.X"),
        (Check(name="a", run=["x"], artifacts=["ok", "../x"]), "artifacts[1]"),
    ],
)
def test_a_wrong_check_is_refused_at_the_door(check: Check, wrong: str) -> None:
    assert list(faults([Check(name="good", run=["x"]), check])) == [f"checks[1].{wrong}"]


def test_two_checks_of_one_name_are_refused_at_the_door() -> None:
    assert list(faults([Check(name="a", run=["x"]), Check(name="a", run=["y"])])) == ["checks[1].name"]
