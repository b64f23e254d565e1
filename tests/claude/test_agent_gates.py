"""What must be shown: checks that send an agent back until they pass, and people who approve what it wants to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from claude.fake_claude import Fake, install
from claude.station import OVER, Station, station, until
from claude.test_worktree import git, repository
from database import Database

COUNTS = 'n=$(wc -l < count.txt); echo "$n lines" > report.txt; echo "there are $n lines"; test $n -ge 3'
CHECKS = [{"name": "tests", "run": COUNTS, "shell": True, "artifacts": ["report.txt"]}]
BACK_AND_FORTH = {"prompt": "Write three lines.", "worktree": True, "checks": CHECKS, "max_continuations": 3}


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo", {"count.txt": "", ".gitignore": "report.txt\n"})


class Scene:
    """A machine with a stand-in of the program, and one slot."""

    def __init__(self, there: Station, fake: Fake) -> None:
        self.there, self.fake = there, fake

    def gate(self, id: UUID) -> Any:
        """The gate at which the job waits, without a slot."""
        until(
            lambda: self.there.client.gates(job_id=id) or self.there.job(id).status in OVER,
            lambda: self.there.story(id),
        )
        job = self.there.job(id)
        assert (job.status, job.wait_reason) == ("PENDING", "GATE"), self.there.story(id)
        assert [attempt.status for attempt in self.there.attempts(id)][-1] == "INTERRUPTED"
        assert not self.there.left([id])
        (gate,) = self.there.client.gates(job_id=id)
        return gate

    def kept(self, id: UUID) -> list[str]:
        """The files of the job, without the transcripts of its session."""
        return sorted(asset.name for asset in self.there.client.assets(id) if asset.role != "session")

    def log(self, id: UUID) -> str:
        return "\n".join(line.message for line in self.there.client.logs(id))


@pytest.fixture
def bed(database: Database, tmp_path: Path) -> Iterator[Any]:
    """Makes the scene of these turns."""
    opened = []

    def make(turns: Sequence[dict[str, Any]]) -> Scene:
        fake = install(tmp_path / "bin", turns)
        block = station(database, tmp_path, {"JOBTRAIL_CLAUDE_PATH": str(fake.path)}, slots=1)
        opened.append(block)
        there = block.__enter__()
        there.start()
        return Scene(there, fake)

    yield make
    for block in opened:
        block.__exit__(None, None, None)


def writes(line: str, text: str = "I am done.") -> dict[str, Any]:
    """A turn of an agent that writes one more line and says that it is done."""
    return {"events": [{"tool": "Bash", "run": f"echo {line} >> count.txt"}], "text": text}


def wants(command: str, text: str = "I am done.") -> dict[str, Any]:
    """A turn of an agent that makes a call which needs approval."""
    return {"events": [{"approve": "Bash", "input": {"command": command}, "result": "it is installed"}], "text": text}


def test_an_agent_whose_tests_fail_twice_is_sent_back_twice_and_then_is_done(bed: Any, repo: Path) -> None:
    scene = bed([writes("one"), writes("two"), writes("three", "Now it is done.")])
    there = scene.there
    id = there.enqueue({**BACK_AND_FORTH, "cwd": str(repo)})
    assert there.over(id).status == "COMPLETED", there.story(id)
    output = there.output(id)
    assert (output["result"], output["continuations"], output["invocations"]) == ("Now it is done.", 2, 3)
    (check,) = output["checks"]
    assert (check["name"], check["passed"], check["exit_code"]) == ("tests", True, 0)
    assert output["changes"] == {"files": ["count.txt"], "insertions": 3, "deletions": 0}
    assert [each for each in there.told(id) if each.startswith("gate.")] == [
        *("gate.started", "gate.failed") * 2,
        *("gate.started", "gate.passed"),
    ]
    logs = [f"tests.round-{n}.log" for n in (1, 2, 3)]
    assert scene.kept(id) == ["changes.patch", "count.txt", *["report.txt"] * 3, *logs]
    first, *back = scene.fake.calls
    assert [call["session"] for call in back] == [first["session"]] * 2
    for number, call in enumerate(back, 1):
        assert "--resume" in call["argv"]
        assert "1 of 1 checks failed" in call["prompt"]
        assert f"there are {number} lines" in call["prompt"]
    gates = [step for step in there.client.steps(id) if step.type == "GATE"]
    assert [(gate.name, gate.phase, gate.status) for gate in gates] == [
        ("check tests", "VALIDATION", status) for status in ("FAILED", "FAILED", "COMPLETED")
    ]
    assert git(repo, "show", f"jobtrail/{id}:count.txt") == "one\ntwo\nthree\n"
    assert (repo / "count.txt").read_text() == ""
    there.verified()


def test_an_agent_that_never_passes_ends_failed_with_its_reports(bed: Any, repo: Path) -> None:
    scene = bed([writes("one"), {"text": "It is fine as it is."}])
    there = scene.there
    id = there.enqueue({**BACK_AND_FORTH, "cwd": str(repo), "max_continuations": 2}, max_attempts=1)
    job = there.over(id)
    assert (job.status, job.error_code) == ("FAILED", "gate_failed"), there.story(id)
    assert "tests" in (job.error_message or "")
    assert there.told(id).count("gate.failed") == 3
    assert scene.kept(id).count("report.txt") == 3
    assert {"changes.patch", "count.txt", "tests.round-3.log"} <= set(scene.kept(id))
    output = there.output(id)
    assert (output["continuations"], output["checks"][0]["passed"]) == (2, False)
    assert git(repo, "show", f"jobtrail/{id}:count.txt") == "one\n"


def test_a_call_waits_at_a_gate_without_a_slot_and_goes_on_when_it_is_approved(bed: Any) -> None:
    scene = bed([wants("make install"), wants("make install", "It is installed.")])
    there = scene.there
    id = there.enqueue({"prompt": "Install it.", "approve_tools": True})
    gate = scene.gate(id)
    assert gate.question == "May the agent use Bash?  make install"
    other = there.enqueue({"prompt": "Do something else.", "approve_tools": True})  # the only slot is free
    assert scene.gate(other).question == gate.question
    there.client.decide(gate.id, approve=True)
    assert there.over(id).status == "COMPLETED", there.story(id)
    output = there.output(id)
    assert (output["result"], output["denials"]) == ("It is installed.", [])
    assert [attempt.status for attempt in there.attempts(id)] == ["INTERRUPTED", "COMPLETED"]
    assert there.job(id).failure_count == 0
    first, _, resumed = scene.fake.calls
    assert resumed["session"] == first["session"]
    assert "make install\n  approved" in resumed["prompt"]
    assert "it is installed" in scene.log(id)
    there.verified()


def test_an_agent_is_told_that_people_rejected_its_call(bed: Any) -> None:
    scene = bed([wants("rm -rf build"), wants("rm -rf build", "Then I leave it.")])
    there = scene.there
    id = there.enqueue({"prompt": "Tidy up.", "approve_tools": {"approvers": [], "needed": 1}})
    there.client.decide(scene.gate(id).id, approve=False, comment="not on a Friday")
    assert there.over(id).status == "COMPLETED", there.story(id)
    output = there.output(id)
    assert output["result"] == "Then I leave it."
    assert [denial["tool_input"] for denial in output["denials"]] == [{"command": "rm -rf build"}]
    assert "rejected (not on a Friday)" in scene.fake.calls[1]["prompt"]
    assert "They said: not on a Friday" in scene.log(id)


def test_a_call_that_nobody_decides_on_is_refused_in_the_end(bed: Any) -> None:
    scene = bed([wants("make install"), wants("make install", "Then not.")])
    there = scene.there
    id = there.enqueue({"prompt": "Install it.", "approve_tools": {"expires": "1s"}})
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert "gate.expired" in there.told(id)
    assert "nobody decided in time" in scene.fake.calls[1]["prompt"]


def test_calls_are_asked_one_after_the_other_and_each_answer_holds(bed: Any) -> None:
    both = {"events": [*wants("one")["events"], *wants("two")["events"]], "text": "Both are done."}
    scene = bed([both])
    there = scene.there
    id = there.enqueue({"prompt": "Do both.", "approve_tools": True})
    for command in ("one", "two"):
        gate = scene.gate(id)
        assert gate.question.endswith(command)
        there.client.decide(gate.id, approve=True)
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert there.output(id)["result"] == "Both are done."
    assert [attempt.status for attempt in there.attempts(id)] == ["INTERRUPTED", "INTERRUPTED", "COMPLETED"]


def test_a_job_that_is_cancelled_at_its_gate_asks_anew_when_it_is_retried(bed: Any) -> None:
    scene = bed([wants("make install")])
    there = scene.there
    id = there.enqueue({"prompt": "Install it.", "approve_tools": True})
    scene.gate(id)
    there.client.cancel(id, "not now")
    assert there.over(id).status == "CANCELLED"
    there.client.retry(id)
    there.client.decide(scene.gate(id).id, approve=True)
    assert there.over(id).status == "COMPLETED", there.story(id)


def test_a_program_that_goes_on_without_the_call_has_not_finished(bed: Any) -> None:
    stubborn = {"events": [{**wants("make install")["events"][0], "goes_on": True}], "text": "I could not install it."}
    scene = bed([stubborn, wants("make install", "It is installed.")])
    there = scene.there
    id = there.enqueue({"prompt": "Install it.", "approve_tools": True})
    there.client.decide(scene.gate(id).id, approve=True)
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert there.output(id)["result"] == "It is installed."


def test_what_a_cancelled_agent_had_changed_is_kept(bed: Any, repo: Path) -> None:
    scene = bed([{"events": [*writes("one")["events"], {"silent": True}]}])
    there = scene.there
    id = there.enqueue({"prompt": "Write.", "worktree": {"keep": False}, "cwd": str(repo)})
    until(lambda: there.told(id).count("step.completed") == 2, lambda: there.story(id))
    there.client.cancel(id, "enough")
    assert there.over(id).status == "CANCELLED", there.story(id)
    assert {"changes.patch", "count.txt"} <= set(scene.kept(id)), there.story(id)
    assert git(repo, "show", f"jobtrail/{id}:count.txt") == "one\n"
    assert git(repo, "worktree", "list").count("\n") == 1
    assert {step.name: step.status for step in there.client.steps(id)}["remove worktree"] == "COMPLETED"


def test_a_question_in_any_script_is_asked(bed: Any) -> None:
    """The step is named after it, and a name has room for fewer bytes than a question for characters."""
    scene = bed([wants("echo " + "日本語" * 300)])
    id = scene.there.enqueue({"prompt": "Say it.", "approve_tools": True})
    assert scene.gate(id).question.endswith("日本語")


def test_a_worker_that_is_killed_during_the_checks_costs_only_the_checks(bed: Any, repo: Path) -> None:
    scene = bed([writes("one"), {"text": "It was done before."}])
    there = scene.there
    hangs = "test -e ok || { touch hangs; exec tail -f /dev/null; }"
    check = {"name": "tests", "run": hangs, "shell": True}
    id = there.enqueue({"prompt": "Write.", "worktree": True, "cwd": str(repo), "checks": [check]})
    tree = there.folder / "home" / "work" / str(id) / "tree"
    until((tree / "hangs").exists, lambda: there.story(id))
    there.kill()
    (tree / "ok").touch()
    there.start()
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert [attempt.status for attempt in there.attempts(id)] == ["LOST", "COMPLETED"]
    assert there.output(id)["changes"]["files"] == ["count.txt", "hangs", "ok"]
    assert {step.key: step.status for step in there.client.steps(id)}["check tests#2.1"] == "COMPLETED"
    there.nothing_left([id])
    there.verified()


@pytest.mark.parametrize("trusts", [True, False])
def test_a_project_has_no_say_in_what_is_approved_unless_it_is_trusted(bed: Any, trusts: bool) -> None:
    scene = bed([{"text": "I asked for nothing."}])
    id = scene.there.enqueue({"prompt": "Do.", "approve_tools": {"trust_project": trusts}})
    assert scene.there.over(id).status == "COMPLETED", scene.there.story(id)
    (argv,) = [call["argv"] for call in scene.fake.calls]
    assert ("--setting-sources" in argv) is not trusts
