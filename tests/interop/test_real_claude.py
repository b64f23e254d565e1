"""Jobs of type `claude` with the real Claude Code, on real workers; only the model is a story that we tell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from claude.station import Station, until
from interop.conftest import Opened
from interop.messages_api import (
    BAD_REQUEST,
    MODEL,
    UNKNOWN_KEY,
    Answer,
    Asked,
    Fault,
    Tokens,
    bash,
    limited,
    say,
    use,
)

pytestmark = pytest.mark.timeout(300)

SECOND = Tokens(input=200, output=31, cache_read=11, cache_creation=0)
ALLOWED = {"allowed_tools": ["Bash", "Write"], "model": MODEL}


def result_line(there: Station, id: UUID) -> dict[str, Any]:
    """The program's own account of a job's latest invocation, as the log keeps it."""
    raws = [str((line.details or {}).get("raw", "")) for line in there.client.logs(id)]
    found: list[dict[str, Any]] = [json.loads(raw) for raw in raws if raw.startswith('{"type":"result"')]
    assert found, there.story(id)
    return found[-1]


def money(number: float) -> Decimal:
    """What the program's binary sum means."""
    return Decimal(str(number)).quantize(Decimal("1E-10"))


def completed(there: Station, id: UUID) -> dict[str, Any]:
    """The job's output, once it is over; it must have ended well."""
    job = there.over(id)
    assert job.status == "COMPLETED", there.story(id)
    return there.output(id)


def failed(there: Station, id: UUID, code: str) -> str:
    """The message of a failure with this code."""
    job = there.over(id)
    assert (job.status, job.error_code) == ("FAILED", code), there.story(id)
    return job.error_message or ""


def quiet_and_whole(there: Station, id: UUID) -> None:
    """Nothing is left of the job, and its trail is as it was written."""
    there.nothing_left([id])
    there.verified()


def test_two_tool_calls_are_recorded_to_the_token_and_to_the_cent(opened: Opened) -> None:
    there, api = opened([bash("echo one"), bash("echo two", SECOND), say("Both are done.")])
    there.start()
    id = there.enqueue({"prompt": "Do two things.", **ALLOWED})
    output = completed(there, id)
    line = result_line(there, id)
    used = line["modelUsage"][MODEL]
    (row,) = there.client.usage(id)
    assert output["result"] == "Both are done." and (output["turns"], output["invocations"]) == (3, 1)
    assert (row.input_tokens, row.output_tokens, row.cached_tokens) == (
        used["inputTokens"] + used["cacheCreationInputTokens"], used["outputTokens"], used["cacheReadInputTokens"],
    )  # fmt: skip
    assert output["tokens"] == {"input": row.input_tokens, "output": row.output_tokens, "cached": row.cached_tokens}
    assert row.cost_usd == money(line["total_cost_usd"]) == Decimal(output["cost_usd"])
    told = api.delivered
    assert row.output_tokens == sum(one.output for one in told) == 71
    assert row.input_tokens == sum(one.input + one.cache_creation for one in told)
    assert row.cached_tokens == sum(one.cache_read for one in told)
    (attempt,) = there.attempts(id)
    assert attempt.session_id == line["session_id"] == output["session_id"] and attempt.process_id
    tools = [step for step in there.client.steps(id) if step.name.startswith("Bash")]
    assert [(step.name, step.status) for step in tools] == [
        ("Bash: echo one", "COMPLETED"),
        ("Bash: echo two", "COMPLETED"),
    ]
    events = there.told(id)
    assert events.count("ai.tool_called") == 2 and events.count("ai.tokens_used") == 1
    assert events[0] == "job.created" and events[-1] == "job.completed"
    quiet_and_whole(there, id)


def twice_told(command: str) -> Any:
    """A story whose second tool hangs when it is called for the first time, and not when it is called again."""
    hung = False

    def story(asked: Asked) -> Answer:
        nonlocal hung
        if asked.answers == 0:
            return bash("echo one")
        if asked.answers == 1:
            again, hung = hung, True
            return bash("echo two") if again else bash(command)
        return say("Both are done.")

    return story


def begins(there: Station, id: UUID) -> None:
    """Waits until the hanging tool runs."""
    until((there.folder / "begun").exists, lambda: there.story(id))


def test_another_worker_goes_on_with_the_session_of_one_that_was_killed(opened: Opened, tmp_path: Path) -> None:
    there, api = opened(twice_told(f"touch {tmp_path}/begun; exec sleep 86399"))
    there.start()
    id = there.enqueue({"prompt": "Do two things.", "add_dirs": [str(tmp_path)], **ALLOWED})
    begins(there, id)
    assert any("sleep 86399" in line for line in there.left([id]))
    there.kill()
    there.start()
    output = completed(there, id)
    first, second = there.attempts(id)
    assert (first.status, second.status) == ("LOST", "COMPLETED") and first.worker_id != second.worker_id
    assert first.session_id == second.session_id == output["session_id"] is not None
    assert api.asked[-1].results == ("one", "two"), "the resumed session remembers what the first tool said"
    assert output["result"] == "Both are done."
    rows = there.client.usage(id)
    line = result_line(there, id)
    assert sum(row.cost_usd or 0 for row in rows) == money(line["total_cost_usd"])
    assert [row.cost_usd is None for row in rows].count(True) == 1, "what the lost invocation cost is unknown, not zero"
    quiet_and_whole(there, id)
    assert there.terminate() == 0
    audited = subprocess.run(
        [sys.executable, "-m", "jobtrail", "audit", "verify"], env=there.environment, cwd=there.folder, check=False,
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert audited.returncode == 0, audited


def test_a_worker_that_is_told_to_stop_interrupts_and_another_one_resumes(opened: Opened, tmp_path: Path) -> None:
    there, api = opened(twice_told(f"touch {tmp_path}/begun; exec sleep 86399"), JOBTRAIL_DRAIN_SECONDS="0.1")
    there.start()
    id = there.enqueue({"prompt": "Do two things.", "add_dirs": [str(tmp_path)], **ALLOWED})
    begins(there, id)
    assert there.terminate() == 0
    assert there.left([id]) == []
    assert (there.job(id).status, there.attempts(id)[0].status) == ("QUEUED", "INTERRUPTED"), there.story(id)
    there.start()
    output = completed(there, id)
    first, second = there.attempts(id)
    assert first.session_id == second.session_id == output["session_id"]
    costs = [row.cost_usd for row in there.client.usage(id)]
    assert all(cost is not None for cost in costs), "an interrupted program tells what it cost"
    assert len(api.delivered) * Decimal("0.00062085") == sum(cost or 0 for cost in costs)
    quiet_and_whole(there, id)


def test_a_cancel_in_the_middle_of_a_tool_leaves_nothing_and_knows_the_cost(opened: Opened, tmp_path: Path) -> None:
    deaf = "trap '' TERM INT HUP; while :; do sleep 86399; done"
    away = f'setsid sh -c "{deaf}" >/dev/null 2>&1 </dev/null &'
    there, _ = opened([bash(f"{away} touch {tmp_path}/begun; {deaf}"), say("Never.")])
    there.start()
    id = there.enqueue({"prompt": "Hang.", "add_dirs": [str(tmp_path)], **ALLOWED})
    begins(there, id)
    there.client.cancel(id, "enough")
    job = there.over(id)
    assert there.left([id]) == [] and (job.status, job.cancel_reason) == ("CANCELLED", "enough"), there.story(id)
    (row,) = there.client.usage(id)
    assert row.cost_usd == Decimal("0.00062085")
    quiet_and_whole(there, id)


def test_a_denied_tool_call_is_told(opened: Opened) -> None:
    there, _ = opened([bash("touch /etc/jobtrail-was-here"), say("I may not.")])
    there.start()
    id = there.enqueue({"prompt": "Write where you may not."})
    output = completed(there, id)
    assert [denial["tool_name"] for denial in output["denials"]] == [
        denial["tool_name"] for denial in result_line(there, id)["permission_denials"]
    ]
    quiet_and_whole(there, id)


def test_turns_and_money_are_limited(opened: Opened) -> None:
    there, _ = opened([bash("echo again")])
    there.start()
    turns = there.enqueue({"prompt": "Go on and on.", "max_turns": 2, **ALLOWED})
    budget = there.enqueue({"prompt": "Go on and on.", "budget": {"usd": "0.001"}, **ALLOWED})
    failed(there, turns, "max_turns")
    failed(there, budget, "budget_exceeded")
    assert "budget.exceeded" in there.told(budget), there.story(budget)
    for id in (turns, budget):
        (row,) = there.client.usage(id)
        assert row.cost_usd == Decimal("0.0012417") == money(result_line(there, id)["total_cost_usd"])
    there.verified()


def test_a_refused_key_and_a_wrong_request_fail_at_once(opened: Opened) -> None:
    there, api = opened([UNKNOWN_KEY])
    there.start()
    refused = there.enqueue({"prompt": "Hello.", "env": {"CLAUDE_CODE_MAX_RETRIES": "1"}})
    assert "ANTHROPIC_API_KEY" in failed(there, refused, "auth")
    patient = there.enqueue({"prompt": "Hello."})
    assert "ANTHROPIC_API_KEY" in failed(there, patient, "auth"), "it would ask for minutes, if we let it"
    api.story = lambda _: BAD_REQUEST
    wrong = there.enqueue({"prompt": "Hello."})
    assert "a test says that this is wrong" in failed(there, wrong, "invalid_request")
    assert {len(there.attempts(id)) for id in (refused, patient, wrong)} == {1}
    assert [there.client.usage(id) for id in (refused, patient, wrong)] == [[], [], []]
    there.verified()


def test_a_reached_limit_parks_the_job_until_it_is_reset(opened: Opened) -> None:
    reset = int(time.time()) + 3_600
    answers: dict[str, Answer | Fault] = {"next": limited(reset)}

    def story(asked: Asked) -> Answer | Fault:
        return bash("echo one") if asked.answers == 0 else answers["next"]

    there, _ = opened(story, ANTHROPIC_API_KEY="", CLAUDE_CODE_OAUTH_TOKEN="sk-ant-oat01-a-test")
    there.start()
    id = there.enqueue({"prompt": "Do two things.", **ALLOWED})
    job = there.until(id, "PENDING", "FAILED", "COMPLETED")
    assert (job.status, job.wait_reason) == ("PENDING", "QUOTA"), there.story(id)
    at = datetime.fromtimestamp(reset, UTC)
    assert job.scheduled_at is not None and at <= job.scheduled_at <= at + timedelta(minutes=3)
    assert job.failure_count == 0 and there.left([id]) == []
    answers["next"] = say("Now it is done.")
    there.client.start_now(id)
    output = completed(there, id)
    assert output["result"] == "Now it is done."
    assert len({attempt.session_id for attempt in there.attempts(id)}) == 1
    assert sum(row.cost_usd or 0 for row in there.client.usage(id)) == 2 * Decimal("0.00062085")
    quiet_and_whole(there, id)


def test_people_are_asked_before_a_tool_is_used(opened: Opened, tmp_path: Path) -> None:
    made = tmp_path / "place" / "made"
    made.parent.mkdir()

    def story(asked: Asked) -> Answer:
        return say("It is made.") if made.exists() else bash("touch made")

    there, _ = opened(story)
    there.start()
    id = there.enqueue({"prompt": "Make it.", "cwd": str(made.parent), "approve_tools": True})
    job = there.until(id, "PENDING", "FAILED", "COMPLETED")
    assert (job.status, job.wait_reason) == ("PENDING", "GATE") and not made.exists(), there.story(id)
    assert there.left([id]) == [], "nothing is held while people think"
    (gate,) = there.client.gates(job_id=id)
    assert "touch made" in gate.question
    there.client.decide(gate.id, approve=True)
    output = completed(there, id)
    assert made.exists() and output["result"] == "It is made."
    quiet_and_whole(there, id)


def test_people_may_say_no(opened: Opened, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()

    def story(asked: Asked) -> Answer:
        refused = any("not on a Friday" in text for text in (*asked.results, *asked.said))
        return say("Then not.") if refused else bash("touch made")

    there, _ = opened(story)
    there.start()
    id = there.enqueue({"prompt": "Make it.", "cwd": str(place), "approve_tools": True})
    there.until(id, "PENDING", "FAILED", "COMPLETED")
    (gate,) = there.client.gates(job_id=id)
    there.client.decide(gate.id, approve=False, comment="not on a Friday")
    output = completed(there, id)
    assert output["result"] == "Then not." and not (place / "made").exists()
    quiet_and_whole(there, id)


SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def test_an_answer_has_the_wanted_schema_or_the_job_fails(opened: Opened) -> None:
    there, api = opened([use("StructuredOutput", {"n": "three"}), use("StructuredOutput", {"n": 3})])
    there.start()
    id = there.enqueue({"prompt": "Count.", "json_schema": SCHEMA})
    assert completed(there, id)["structured"] == {"n": 3}
    api.story = lambda _: say("There are three.")
    id = there.enqueue({"prompt": "Count.", "json_schema": SCHEMA}, max_attempts=1)
    failed(there, id, "empty_result")
    there.verified()


def git(folder: Path, *words: str) -> str:
    """Git, without anybody's settings."""
    names = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_it_works_in_a_worktree_of_its_own(opened: Opened, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "old.txt").write_text("old\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "first")
    there, _ = opened([bash("printf 'new\\n' > new.txt; printf 'more\\n' >> old.txt"), say("Written.")])
    there.start()
    id = there.enqueue({"prompt": "Write.", "cwd": str(repo), "worktree": True, **ALLOWED})
    output = completed(there, id)
    assert sorted(one if isinstance(one, str) else one["path"] for one in output["changes"]["files"]) == [
        "new.txt",
        "old.txt",
    ]
    assert (output["changes"]["insertions"], output["changes"]["deletions"]) == (2, 0)
    assert not (repo / "new.txt").exists() and git(repo, "status", "--porcelain") == ""
    quiet_and_whole(there, id)


def test_a_job_goes_on_with_the_session_of_another_one_in_another_folder(opened: Opened, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    there, api = opened([bash("pwd"), say("First."), bash("pwd"), say("Second.")])
    there.start()
    first = there.enqueue({"prompt": "Where are you?", "cwd": str(one), **ALLOWED})
    session = completed(there, first)["session_id"]
    second = there.enqueue({"prompt": "And now?", "cwd": str(two), "resume": session, **ALLOWED})
    output = completed(there, second)
    assert output["result"] == "Second." and api.asked[-1].results == (str(one), str(two))
    forked = there.enqueue({"prompt": "Or so?", "cwd": str(two), "resume": session, "fork": True, **ALLOWED})
    assert completed(there, forked)["session_id"] not in {None, session}
    assert api.asked[-1].said[-1] == "Or so?"
    there.verified()
