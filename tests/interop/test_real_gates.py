"""Checks and people with the real Claude Code: it is sent back in its own session, and asked about call by call."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from claude.station import OVER, until
from claude.test_worktree import git, repository
from interop.conftest import Opened
from interop.messages_api import MODEL, Answer, Asked, Tool, bash, say

pytestmark = pytest.mark.timeout(300)


def test_a_failed_check_sends_it_back_in_its_own_session(opened: Opened, tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo", {"count.txt": ""})
    told = [bash("echo one >> count.txt"), say("Done."), bash("echo two >> count.txt"), say("Now it is done.")]
    there, api = opened(told)
    there.start()
    check = {"name": "lines", "run": "cat count.txt; test $(wc -l < count.txt) -eq 2", "shell": True}
    wanted = {"cwd": str(repo), "worktree": True, "checks": [check], "allowed_tools": ["Bash"], "model": MODEL}
    id = there.enqueue({"prompt": "Write two lines.", **wanted})
    assert there.over(id).status == "COMPLETED", there.story(id)
    output = there.output(id)
    assert (output["result"], output["invocations"], output["continuations"]) == ("Now it is done.", 2, 1)
    assert output["checks"][0]["passed"]
    sent_back = api.asked[2].said
    assert "Write two lines." in "\n".join(sent_back), "it is the same conversation"
    assert "1 of 1 checks failed" in sent_back[-1]
    assert "```text\none\n```" in sent_back[-1]
    assert git(repo, "show", f"jobtrail/{id}:count.txt") == "one\ntwo\n"
    there.nothing_left([id])
    there.verified()


def test_two_calls_of_one_answer_are_asked_one_after_the_other(opened: Opened, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    touch = Tool("Bash", {"command": "touch one", "description": "d"})
    write = Tool("Write", {"file_path": str(place / "two"), "content": "x"})

    def story(_: Asked) -> Answer:
        tools = tuple(tool for name, tool in {"one": touch, "two": write}.items() if not (place / name).exists())
        return Answer(tools=tools) if tools else say("Both are made.")

    there, _ = opened(story)
    there.start()
    id = there.enqueue({"prompt": "Make both.", "cwd": str(place), "approve_tools": True, "model": MODEL})
    questions = []
    for _ in range(2):
        until(lambda: there.client.gates(job_id=id) or there.job(id).status in OVER, lambda: there.story(id))
        (gate,) = there.client.gates(job_id=id)
        questions.append(gate.question)
        there.client.decide(gate.id, approve=True)
    assert there.over(id).status == "COMPLETED", there.story(id)
    assert questions == [
        "May the agent use Bash?  touch one",
        f'May the agent use Write?  {place / "two"}  {{"content": "x"}}',
    ]
    assert there.output(id)["result"] == "Both are made."
    assert there.job(id).failure_count == 0
    there.nothing_left([id])
    there.verified()


def test_a_hook_of_the_project_approves_nothing(opened: Opened, tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / ".claude").mkdir(parents=True)
    verdict = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}}
    hook = {"type": "command", "command": f"touch {tmp_path}/hooked; echo {shlex.quote(json.dumps(verdict))}"}
    settings = {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [hook]}]}}
    (place / ".claude" / "settings.json").write_text(json.dumps(settings))
    there, _ = opened([bash("touch made"), say("It is made.")])
    there.start()
    job = {"prompt": "Make it.", "cwd": str(place), "model": MODEL}
    asked = there.enqueue({**job, "approve_tools": True})
    until(lambda: there.client.gates(job_id=asked) or there.job(asked).status in OVER, lambda: there.story(asked))
    assert there.job(asked).wait_reason == "GATE", there.story(asked)
    assert not (tmp_path / "hooked").exists()
    there.client.cancel(asked, "that will do")
    trusting = there.enqueue({**job, "approve_tools": {"trust_project": True}})
    assert there.over(trusting).status == "COMPLETED", there.story(trusting)
    assert (tmp_path / "hooked").exists(), "or the hook was none, and the rest of this shows nothing"
