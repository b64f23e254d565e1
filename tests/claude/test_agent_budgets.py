"""Budgets over all attempts of a job: what is left is passed on, it is warned once, and it stops or asks people for more."""

from __future__ import annotations

from typing import Any

from claude.studio import Studio

DEAR: dict[str, Any] = {"usage": {"cost": "0.40"}}
BROKEN: dict[str, Any] = {**DEAR, "result": {"subtype": "error_during_execution", "is_error": True}, "exit": 1}
OVER: dict[str, Any] = {**DEAR, "result": {"subtype": "error_max_budget_usd", "is_error": True}, "exit": 1}


def value(call: dict[str, Any], flag: str) -> str | None:
    argv: list[str] = call["argv"]
    return argv[argv.index(flag) + 1] if flag in argv else None


def test_what_is_left_is_passed_on_to_the_next_attempt(studio: Studio) -> None:
    studio.play([{**BROKEN, "turns": 3}, {**DEAR, "turns": 2}])
    job = studio.run({"budget": {"usd": 1, "turns": 10}, "max_turns": 8}, max_attempts=2)
    assert job.status == "COMPLETED"
    one, two = studio.fake.calls
    assert (value(one, "--max-budget-usd"), value(one, "--max-turns")) == ("1", "8")
    assert (value(two, "--max-budget-usd"), value(two, "--max-turns")) == ("0.6", "7")
    output = studio.output(job.id)
    assert output["budget"] == {"usd": {"used": "0.8", "limit": "1"}, "turns": {"used": 5, "limit": 10}}
    assert (output["cost_usd"], output["turns"]) == ("0.8", 5)


def test_it_is_warned_once(studio: Studio) -> None:
    studio.play([BROKEN, BROKEN, {"usage": {"cost": "0.05"}}])
    job = studio.run({"budget": {"usd": "1", "warn_at": 0.5}}, max_attempts=3)
    assert job.status == "COMPLETED"
    (note,) = studio.told(job.id, "budget.warned")
    assert note["budget"] == {"usd": {"used": "0.8", "limit": "1"}}
    assert "budget.exceeded" not in studio.told(job.id)


def test_a_budget_that_is_used_up_ends_the_job(studio: Studio) -> None:
    studio.play([BROKEN, OVER])
    job = studio.run({"budget": {"usd": 0.5}}, max_attempts=5)
    assert (job.status, job.error_code) == ("FAILED", "budget_exceeded")
    assert "$0.8 of $0.5" in (job.error_message or "")
    assert len(studio.attempts(job.id)) == 2
    assert len(studio.told(job.id, "budget.exceeded")) == 1
    assert studio.output(job.id)["budget"] == {"usd": {"used": "0.8", "limit": "0.5"}}


def test_nothing_is_started_once_the_budget_is_used_up(studio: Studio) -> None:
    studio.play([{**BROKEN, "usage": {"cost": "0.9"}}, {}])
    job = studio.run({"budget": {"usd": 0.5}}, max_attempts=5)
    assert (job.error_code, len(studio.fake.calls)) == ("budget_exceeded", 1)


def test_a_success_a_bit_above_the_budget_is_a_success(studio: Studio) -> None:
    """The program looks after each call only."""
    studio.play([DEAR])
    job = studio.run({"budget": {"usd": 0.3}})
    assert job.status == "COMPLETED"
    assert studio.output(job.id)["budget"] == {"usd": {"used": "0.4", "limit": "0.3"}}


def test_people_are_asked_for_more_and_the_same_session_goes_on(studio: Studio) -> None:
    studio.play([OVER, {**DEAR, "text": "done at last"}])
    job = studio.enqueue({"budget": {"usd": 0.3, "turns": 50, "on_exceeded": "ask"}})
    with studio.work():
        studio.waits(job, "GATE")
        (gate,) = studio.client.gates(job_id=job)
        assert "$0.4 of $0.3" in gate.question
        assert set(gate.form["properties"]) == {"usd", "turns"}
        studio.client.decide(gate.id, approve=True, form={"usd": 2})
        assert studio.ends(job).status == "COMPLETED"
    one, two = studio.fake.calls
    assert two["argv"][4:6] == ["--resume", one["session"]]
    assert (value(two, "--max-budget-usd"), value(two, "--max-turns")) == ("1.6", "49")
    assert studio.output(job)["budget"]["usd"] == {"used": "0.8", "limit": "2"}
    assert len(studio.told(job, "budget.exceeded")) == 1


def test_people_who_name_no_number_give_half_as_much_again(studio: Studio) -> None:
    studio.play([OVER, {"usage": {"cost": "0.1"}}])
    job = studio.enqueue({"budget": {"usd": 0.4, "on_exceeded": "ask"}})
    with studio.work():
        studio.waits(job, "GATE")
        (gate,) = studio.client.gates(job_id=job)
        studio.client.decide(gate.id, approve=True)
        assert studio.ends(job).status == "COMPLETED"
    assert value(studio.fake.calls[1], "--max-budget-usd") == "0.2"


def test_people_who_say_no_end_the_job(studio: Studio) -> None:
    studio.play([OVER])
    job = studio.enqueue({"budget": {"usd": 0.3, "on_exceeded": "ask"}}, max_attempts=3)
    with studio.work():
        studio.waits(job, "GATE")
        (gate,) = studio.client.gates(job_id=job)
        studio.client.decide(gate.id, approve=False)
        ended = studio.ends(job)
    assert (ended.status, ended.error_code, len(studio.fake.calls)) == ("FAILED", "budget_exceeded", 1)


def test_tokens_are_counted_while_it_runs(studio: Studio) -> None:
    studio.play([{"events": [{"say": "a"}, {"say": "b"}, {"say": "c"}, {"silent": 1}]}])
    job = studio.run({"budget": {"tokens": 300}})
    assert (job.status, job.error_code) == ("FAILED", "budget_exceeded")


def test_seconds_end_it_and_the_waiting_does_not_count(studio: Studio) -> None:
    studio.play([{"events": [{"say": "a"}, {"silent": 1}]}])
    job = studio.enqueue({"budget": {"seconds": 1}})
    with studio.work():
        ended = studio.ends(job)
    assert (ended.status, ended.error_code) == ("FAILED", "budget_exceeded")


def test_calls_without_a_price_are_told_where_a_budget_in_dollars_does_not_hold_them(studio: Studio) -> None:
    studio.play([{"events": [{"say": "a"}], "result": None}, {}])
    job = studio.run({"budget": {"usd": 1}}, max_attempts=2)
    assert job.status == "COMPLETED"
    assert any("calls have no price" in message for message in studio.messages(job.id, "SYSTEM"))


def test_turns_of_the_spec_are_not_turns_of_the_budget(studio: Studio) -> None:
    studio.play([{"result": {"subtype": "error_max_turns", "is_error": True}, "turns": 3, "exit": 1}])
    job = studio.run({"max_turns": 2, "budget": {"turns": 50}})
    assert job.error_code == "max_turns"
    job = studio.run({"max_turns": 20, "budget": {"turns": 2}})
    assert job.error_code == "budget_exceeded"
