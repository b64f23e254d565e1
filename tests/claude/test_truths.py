"""What a job says of itself where much goes wrong at once: money, sessions, questions and what other jobs set."""

from __future__ import annotations

import shlex
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from claude.studio import Studio, wait_until

from jobtrail.core.errors import Unavailable
from jobtrail.process.ended import Ended, Reason
from jobtrail.runners.claude import agent as agents
from jobtrail.runners.claude import place
from jobtrail.runners.claude.agent import CONTINUE
from jobtrail.runners.claude.facts import ApiRetry, Result
from jobtrail.runners.claude.home import Home
from jobtrail.runners.claude.ledger import Seen, calls_of
from jobtrail.runners.claude.tools import ToolSteps
from jobtrail.runners.claude.verdict import Evidence, judge
from jobtrail.worker.running import LOST

SECRET = "correct-horse-battery-staple"
OVER: dict[str, Any] = {
    "usage": {"cost": "0.40"},
    "result": {"subtype": "error_max_budget_usd", "is_error": True},
    "exit": 1,
}


def asked(studio: Studio, job: UUID, words: str) -> UUID:
    """The gate whose question has these words, as soon as there is one."""
    found: list[UUID] = []

    def looks() -> bool:
        found[:] = [gate.id for gate in studio.client.gates(job_id=job) if words in gate.question]
        return bool(found)

    wait_until(looks, f"people are asked: {words}")
    return found[0]


def test_each_raise_of_a_budget_is_asked_of_people_also_within_one_attempt(studio: Studio) -> None:
    studio.play([OVER, OVER, {"usage": {"cost": "0.01"}}])
    job = studio.enqueue({"budget": {"usd": 0.4, "on_exceeded": "ask"}})
    with studio.work():
        for used in ("$0.4 of $0.4", "$0.8 of $0.6"):
            studio.client.decide(asked(studio, job, used), approve=True)
        assert studio.ends(job).status == "COMPLETED"
    assert studio.output(job)["budget"] == {"usd": {"used": "0.81", "limit": "0.9"}}


def test_what_a_worker_gives_up_on_at_its_end_has_a_price_that_nobody_knows(studio: Studio) -> None:
    studio.play(
        [{"events": [{"say": "half"}, {"silent": 1}], "ignore_sigterm": True, "ignore_sigint": True}, {"text": "whole"}]
    )
    job = studio.enqueue()
    with studio.work(grace_seconds=0.1) as worker:
        wait_until(lambda: "half" in studio.messages(job), "it said something")
        worker.stop(at_once=True)
        worker.join()
    with studio.work():
        assert studio.ends(job).status == "COMPLETED"
    assert [row.cost_usd for row in studio.usage(job)] == [None, Decimal("0.00062085")]
    assert studio.output(job)["cost_usd"] is None


def test_a_call_that_is_cut_off_while_the_program_tries_again_is_not_free(studio: Studio) -> None:
    """No status: the answer was on its way, and is paid for."""
    retry = {"type": "system", "subtype": "api_retry", "attempt": 1, "max_retries": 10, "error_status": None}
    studio.play([{"events": [{"line": {**retry, "error": "unknown", "retry_delay_ms": 600}}, {"silent": 1}]}])
    job = studio.enqueue()
    with studio.work():
        wait_until(lambda: any("did not answer" in each for each in studio.messages(job)), "it tries again")
        studio.client.cancel(job)
        studio.ends(job)
    assert [row.cost_usd for row in studio.usage(job)] == [None]


def test_a_result_that_names_no_cost_is_not_free() -> None:
    silent = Result(subtype="success", is_error=False, text="done")
    assert [call.cost_usd for call in calls_of(silent, Seen(), "a-model")] == [None]
    assert calls_of(Result(subtype="success", is_error=True, cost=Decimal(0)), Seen(), "a-model") == []


def test_what_an_mcp_server_complains_of_is_no_limit_of_the_subscription() -> None:
    broken = Result(subtype="error_during_execution", is_error=True, errors=("it broke",))
    tail = ("[mcp] warning: session limit of the browser reached",)
    seen = Evidence(ended=Ended(reason=Reason.EXITED, exit_code=1), result=broken, said=True, tail=tail)
    assert judge(seen, datetime.now(UTC)).code == "agent_error"
    assert judge(Evidence(ended=seen.ended, tail=("You've hit your session limit",)), datetime.now(UTC)).code == "quota"
    retried = ApiRetry(attempt=1, of=10, status=529, error="overloaded", delay_ms=1)
    assert judge(Evidence(ended=seen.ended, result=broken, said=True, retry=retried), datetime.now(UTC)).code != "quota"


def test_a_question_to_people_does_not_show_a_secret_not_even_where_it_is_cut(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    command = f"curl -u x:{SECRET} http://x/ # " + "".join(f"{SECRET}{'y' * number}" for number in range(100))
    studio.play([{"events": [{"approve": "Bash", "input": {"command": command}}]}])
    job = studio.enqueue({"env": {"TOKEN": {"env": "A_TOKEN"}}, "approve_tools": True})
    with studio.work():
        studio.waits(job, "GATE")
    shown = repr([studio.client.gates(job_id=job), studio.steps(job), studio.client.events(job), studio.log(job)])
    assert "May the agent use Bash?  curl" in shown
    assert not [shown[at : at + 60] for at in range(len(shown)) if shown.startswith(SECRET[:12], at)]
    stored = b"".join(file.read_bytes() for file in (studio.folder / "assets").rglob("*") if file.is_file())
    assert b"curl" in stored and SECRET.encode() not in stored


def test_what_a_job_sets_for_its_agent_does_not_reach_what_is_learnt_of_the_program(studio: Studio) -> None:
    """It is learnt once, for the jobs of all workspaces."""
    wrapper = studio.folder / "claude"
    fake = shlex.quote(str(studio.fake.path))
    wrapper.write_text(
        f'#!/bin/sh\nif [ "$1" = --help ] && [ -n "$EVIL" ]; then echo --print; exit; fi\nexec {fake} "$@"\n'
    )
    wrapper.chmod(0o755)
    studio.environ["JOBTRAIL_CLAUDE_PATH"] = str(wrapper)
    studio.run({"env": {"EVIL": "1"}})
    assert studio.run().status == "COMPLETED"


def test_a_job_that_names_a_session_never_begins_without_it(studio: Studio) -> None:
    studio.play([{}])
    first = studio.output(studio.run().id)["session_id"]
    gone = {"type": "result", "subtype": "error_during_execution", "is_error": True, "num_turns": 0}
    gone |= {"total_cost_usd": 0, "errors": [f"No conversation found with session ID: {first}"]}
    studio.play([{"events": [{"line": gone}], "result": None, "exit": 1}, {"text": "what was the question?"}])
    job = studio.run({"resume": first, "prompt": "and now?"}, max_attempts=3)
    assert (job.status, job.error_code, len(studio.attempts(job.id))) == ("FAILED", "resume_unknown", 1)


def test_a_further_attempt_in_the_session_of_another_job_is_told_its_own_task(studio: Studio) -> None:
    """That session may have been lost to us before the task was part of it."""
    studio.play([{}])
    first = studio.output(studio.run().id)["session_id"]
    studio.play([{"result": None, "exit": 1}, {}])
    assert studio.run({"resume": first, "prompt": "count the sheep"}, max_attempts=2).status == "COMPLETED"
    again = studio.fake.calls[-1]["prompt"]
    assert again.startswith(CONTINUE) and "count the sheep" in again


def test_a_session_that_is_brought_by_two_at_once_is_never_set_back(tmp_path: Path) -> None:
    home = Home(path=tmp_path, config=tmp_path / "config", tmp=tmp_path)
    session, cwd = str(uuid4()), tmp_path / "work"
    cwd.mkdir()
    there = home.config / "projects" / "-somewhere" / f"{session}.jsonl"
    there.parent.mkdir(parents=True)
    there.write_text("one\n")
    here = home.transcript(session, cwd)
    find = Home.find

    def late(self: Home, session: str, cwd: Path) -> Path | None:
        found = find(self, session, cwd)
        here.parent.mkdir(parents=True, exist_ok=True)  # meanwhile the other brought it, and its program went on
        here.write_text("one\ntwo\n")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Home, "find", late)
        assert home.bring(session, cwd)
    assert here.read_text() == "one\ntwo\n"
    assert [each.name for each in here.parent.iterdir()] == [here.name]


def test_a_secret_is_not_cut_in_two_where_a_result_is_shortened(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    long = "".join(f"{SECRET}{'y' * number}" for number in range(120))
    denial = {"tool_name": "Write", "tool_use_id": "toolu_1", "tool_input": {"content": long}}
    env = {"env": {"TOKEN": {"env": "A_TOKEN"}}}
    studio.play([{"text": "x" * 285 + long, "denials": [denial]}])
    done = studio.run(env)
    assert done.status == "COMPLETED"
    studio.play([{"text": "x" * 490 + long, "result": {"is_error": True}, "exit": 1}])
    failed = studio.run(env)
    assert failed.error_code == "agent_error"
    for job in (done, failed):
        shown = repr([job, studio.client.result(job.id), studio.steps(job.id), studio.client.events(job.id)])
        assert not [shown[at : at + 60] for at in range(len(shown)) if shown.startswith(SECRET[:12], at)]


def test_a_file_of_secrets_is_gone_also_when_the_attempt_is_lost_while_it_is_written(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    write, written, servers = (
        place.write_private,
        threading.Event(),
        {"x": {"command": "x", "env": {"T": "$env:A_TOKEN"}}},
    )
    job = studio.enqueue({"mcp_servers": servers})
    with studio.work() as worker:

        def lost_first(file: Path, content: object) -> Path:
            assert worker.worker is not None
            (running,) = worker.worker.running.values()
            worker.soon(lambda: running.stop(LOST, "another has it"))
            ended = threading.Event()
            worker.soon(lambda: worker.soon(ended.set))
            ended.wait(1)
            made = write(file, content)
            written.set()
            return made

        monkeypatch.setattr(agents, "write_private", lost_first)
        wait_until(written.is_set, "it was written")
        wait_until(lambda: not (worker.worker and worker.worker.running), "the attempt has ended")
    found = list(studio.folder.rglob("*mcp.json*"))
    assert found == [] and studio.fake.calls == [], job


def test_what_cannot_be_filed_at_the_end_of_a_turn_does_not_make_it_free(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: ToolSteps) -> None:
        raise Unavailable("the database is away for longer than anybody waits")

    monkeypatch.setattr(ToolSteps, "close", fails)
    job = studio.run()
    assert (job.status, [row.cost_usd for row in studio.usage(job.id)]) == ("FAILED", [Decimal("0.00062085")])
