"""Every way in which the program may end, as the real one does: what becomes of the job, under which code, and what is tried again."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from claude.studio import Studio

AUTH = {"subtype": "success", "is_error": True, "result": "Not logged in · Please run /login", "api_error_status": None}
SOON = int(time.time()) + 3_600
LIMIT = {"status": "rejected", "resetsAt": SOON, "rateLimitType": "five_hour"}


def refused(text: str, error: str, status: int | None) -> dict[str, Any]:
    """The program's way to tell that the API refused: as an answer of nobody, and a success that is an error."""
    said = {
        "type": "assistant",
        "error": error,
        "message": {"model": "<synthetic>", "content": [{"type": "text", "text": text}]},
    }
    result = {"is_error": True, "result": text, "api_error_status": status, "total_cost_usd": 0, "modelUsage": {}}
    return {"events": [{"line": said}], "result": result, "exit": 1, "text": ""}


def failed(subtype: str, **more: Any) -> dict[str, Any]:
    return {"result": {"subtype": subtype, "is_error": True, **more}, "exit": 1}


@dataclass(frozen=True)
class Row:
    """A situation: what the program does, and what the job is to be. `final`: no further attempt follows."""

    name: str
    turn: dict[str, Any]
    status: str
    code: str | None = None
    final: bool = False
    input: dict[str, Any] = field(default_factory=dict)
    attempt: str | None = None
    says: str = ""
    result: str = "SUCCESS"


TABLE = [
    Row("a plain answer", {"recording": "rec_ok.ndjson"}, "COMPLETED"),
    Row("a tool that runs", {"recording": "rec_tool.ndjson"}, "COMPLETED"),
    Row("a tool call that is denied", {"recording": "rec_deny.ndjson"}, "COMPLETED", result="PARTIAL"),
    Row("not logged in", refused("Not logged in · Please run /login", "authentication_failed", None), "FAILED", "auth", final=True,
        says="JOBTRAIL_CLAUDE_HOME=user"),
    Row("not logged in, as the result alone says", {"result": AUTH, "exit": 1}, "FAILED", "auth", final=True),
    Row("the API refuses the request", refused("API Error: 400 messages: wrong", "unknown", 400), "FAILED",
        "invalid_request", final=True, says="messages: wrong"),
    Row("the model is unknown", refused("API Error: 404 model", "model_not_found", 404), "FAILED", "invalid_request", final=True),
    Row("no credit", refused("Credit balance is too low", "billing_error", 400), "FAILED", "billing", final=True),
    Row("the key is refused for good", {"events": [{"retry": 401, "count": 4}, {"silent": 1}]}, "FAILED", "auth", final=True),
    Row("overloaded", refused("API Error: 529 Overloaded.", "overloaded", 529), "FAILED", "api_error"),
    Row("too many requests in a minute", refused("API Error: Request rejected (429) · later", "rate_limit", 429), "FAILED",
        "api_error"),
    Row("too many turns", {"recording": "rec_maxturns.ndjson", "exit": 1}, "FAILED", "max_turns", final=True,
        says="Reached maximum number of turns (2)"),
    Row("too dear", {"recording": "rec_budget.ndjson", "exit": 1}, "FAILED", "budget_exceeded", final=True,
        input={"budget": {"usd": 0.002}}, says="$0.0025 of $0.002"),
    Row("the session id is in use", {"no_init": True, "result": None, "exit": 1,
        "stderr": "Error: Session ID 11111111-1111-4111-8111-111111111111 is already in use."}, "FAILED", "session_in_use"),
    Row("a flag that it does not take", {"no_init": True, "result": None, "exit": 1, "stderr": "error: unknown option '--nope'"},
        "FAILED", "bad_usage", final=True, says="--nope"),
    Row("a bad MCP file", {"no_init": True, "result": None, "exit": 1,
        "stderr": "Error: Invalid MCP configuration:\nMCP config file not found: /x.json"}, "FAILED", "bad_usage", final=True),
    Row("a crash before it says anything", {"no_init": True, "result": None, "exit": 1, "stderr": "Segmentation fault"}, "FAILED",
        "exit_code", says="Segmentation fault"),
    Row("an error during the work", failed("error_during_execution", errors=["it broke"]), "FAILED", "agent_error", says="it broke"),
    Row("interrupted by somebody else", failed("error_during_execution", terminal_reason="aborted_tools"), "FAILED", "aborted"),
    Row("an error that nobody knows", failed("error_of_tomorrow"), "FAILED", "agent_error", says="error_of_tomorrow"),
    Row("success, but an error", {"result": {"is_error": True, "result": "something odd"}, "exit": 1}, "FAILED", "agent_error",
        says="something odd"),
    Row("success, but it does not say that it is no error", {"result": {"is_error": None}}, "FAILED", "agent_error"),
    Row("exit 0 without a result", {"events": [{"say": "All done."}], "result": None}, "FAILED", "no_result"),
    Row("exit 1 without a result", {"events": [{"say": "All done."}], "result": None, "exit": 1}, "FAILED", "no_result"),
    Row("a result that is cut off", {"recording": "rec_ok.ndjson", "cut": True}, "FAILED", "no_result"),
    Row("success, but exit 1", {"exit": 1}, "FAILED", "exit_code"),
    Row("success, but killed", {"signal": 9}, "FAILED", "signal", says="SIGKILL"),
    Row("ended by a SIGTERM of somebody else", {"result": None, "exit": 143}, "FAILED", "signal", says="SIGTERM"),
    Row("killed by somebody else", {"result": None, "signal": 9}, "FAILED", "signal", says="SIGKILL"),
    Row("silent from the start", {"silent": True}, "FAILED", "idle_timeout", attempt="TIMED_OUT", input={"idle_timeout": "1s"}),
    Row("silent in the middle", {"events": [{"say": "wait"}, {"silent": 1}]}, "FAILED", "idle_timeout", attempt="TIMED_OUT",
        input={"idle_timeout": "1s"}),
    Row("alive after its result", {"hang": True}, "COMPLETED", input={"result_grace": "500ms"}),
    Row("alive after a failure", {"hang": True, **failed("error_max_turns")}, "FAILED", "max_turns", final=True,
        input={"result_grace": "500ms"}),
    Row("an empty answer", {"text": "", "result": {"result": ""}}, "FAILED", "empty_result"),
    Row("no answer of the schema", {"text": "x"}, "FAILED", "empty_result", input={"json_schema": {"type": "object"}}),
    Row("an answer of the schema", {"text": "{}", "structured": {"n": 1.5}}, "COMPLETED", input={"json_schema": {"type": "object"}}),
]  # fmt: skip


def played(studio: Studio, row: Row, **options: Any) -> Any:
    studio.play([row.turn, row.turn])
    return studio.run(row.input, **options)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_becomes_of_it(studio: Studio, row: Row) -> None:
    job = played(studio, row)
    assert (job.status, job.error_code) == (row.status, row.code), job.error_message
    assert row.says in (job.error_message or "")
    (attempt,) = studio.attempts(job.id)
    assert attempt.status == (row.attempt or row.status)
    if row.status == "COMPLETED":
        assert studio.result_status(job.id) == row.result
    assert all(step.status in ("COMPLETED", "FAILED") for step in studio.steps(job.id))


@pytest.mark.parametrize("row", [row for row in TABLE if row.status == "FAILED"], ids=lambda row: row.name)
def test_what_is_tried_again(studio: Studio, row: Row) -> None:
    studio.play([row.turn, row.turn])
    job = studio.enqueue(row.input, max_attempts=2)
    with studio.work():
        if row.code == "session_in_use":
            assert studio.waits(job, "RETRY").failure_count == 1
            return
        studio.ends(job)
    assert len(studio.attempts(job)) == (1 if row.final else 2)


def test_a_limit_of_the_subscription_parks_the_job_until_it_is_over(studio: Studio) -> None:
    """No failure, no attempt used up, and everybody can see until when."""
    studio.play(
        [
            {
                "events": [{"rate_limit": LIMIT}],
                "exit": 1,
                "result": refused("You've hit your session limit", "rate_limit", 429)["result"],
            }
        ]
    )
    job = studio.enqueue()
    with studio.work():
        waiting = studio.waits(job, "QUOTA")
    assert waiting.status == "PENDING"
    assert waiting.failure_count == 0
    reset = datetime.fromtimestamp(SOON, UTC)
    assert waiting.scheduled_at is not None
    assert reset <= waiting.scheduled_at <= reset + timedelta(minutes=2)
    (note,) = studio.told(job, "job.waiting")
    assert reset.isoformat() in json.dumps(note)


def test_a_limit_that_is_over_lets_the_same_session_go_on(studio: Studio) -> None:
    limit = {**LIMIT, "resetsAt": int(time.time()) - 5}
    first = {
        "events": [{"rate_limit": limit}],
        "exit": 1,
        "result": {"is_error": True, "result": "You've hit your session limit"},
    }
    studio.play([first, {"text": "at last"}])
    job = studio.enqueue()
    with studio.work():
        studio.waits(job, "QUOTA")
        studio.client.start_now(job)
        assert studio.ends(job).status == "COMPLETED"
    one, two = studio.fake.calls
    assert two["argv"][4:6] == ["--resume", one["session"]]
    assert studio.output(job)["result"] == "at last"
    assert [attempt.status for attempt in studio.attempts(job)][1] == "COMPLETED"


def test_a_limit_of_unknown_length_is_asked_again_after_a_quarter_of_an_hour(studio: Studio) -> None:
    studio.play([{"result": {"is_error": True, "result": "Claude AI usage limit reached"}, "exit": 1}])
    job = studio.enqueue()
    with studio.work():
        waiting = studio.waits(job, "QUOTA")
    assert waiting.scheduled_at is not None
    minutes = (waiting.scheduled_at - waiting.updated_at).total_seconds() / 60
    assert 14.9 <= minutes <= 16.1


def test_words_of_a_limit_in_an_answer_are_an_answer(studio: Studio) -> None:
    studio.play([{"text": "Claude AI usage limit reached|1795312800"}])
    assert studio.run().status == "COMPLETED"


def test_a_program_that_hangs_after_its_result_keeps_its_success_and_it_is_said(studio: Studio) -> None:
    studio.play([{"hang": True, "ignore_sigterm": True}])
    job = studio.run({"result_grace": "300ms"})
    assert job.status == "COMPLETED"
    assert any("hung_after_result" in message for message in studio.messages(job.id, "SYSTEM"))


def test_a_refused_key_is_told_soon_and_with_both_ways_to_mend_it(studio: Studio) -> None:
    """The real program goes on for minutes, with growing pauses."""
    studio.play([{"events": [{"retry": 401, "count": 3}, {"silent": 1}]}])
    job = studio.run(max_attempts=3)
    assert (job.error_code, len(studio.attempts(job.id))) == ("auth", 1)
    assert "ANTHROPIC_API_KEY" in (job.error_message or "") and "JOBTRAIL_CLAUDE_HOME=user" in (job.error_message or "")


def test_denials_are_no_failure_but_are_in_the_result(studio: Studio) -> None:
    studio.play([{"recording": "rec_deny.ndjson"}])
    job = studio.run()
    (denial,) = studio.output(job.id)["denials"]
    assert denial == {
        "tool_name": "Bash",
        "tool_use_id": "toolu_1795294492271107062",
        "tool_input": {"command": "rm -rf /workspace/zzz", "description": "x"},
    }
