"""Budgets that hold an agent from outside: those of its tree, its type, its workspace bound each invocation as well."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from claude.studio import Studio
from claude.test_agent_budgets import DEAR, OVER, value

from jobtrail.core.budget_terms import Budget, BudgetScope, Limits, OnExceeded
from jobtrail.service.budgets import NewBudget


def set_limit(studio: Studio, usd: str, **more: Any) -> None:
    limits = Limits(usd=Decimal(usd))
    studio.client.budgets.set(NewBudget(scope=BudgetScope.TYPE, subject="claude", limits=limits, **more))


def test_what_is_left_around_the_agent_is_passed_on(studio: Studio) -> None:
    set_limit(studio, "0.5")
    studio.play([OVER, DEAR])
    job = studio.run({"budget": {"usd": 2}})
    assert job.status == "COMPLETED"
    one, two = studio.fake.calls
    assert (value(one, "--max-budget-usd"), value(two, "--max-budget-usd")) == ("0.5", "0.1")
    assert [note["scope"] for note in studio.told(job.id, "budget.exceeded")] == ["TYPE"], "its own is not spent"
    (around,) = studio.client.budgets.list()
    assert (around.used_usd, around.held_usd) == (Decimal("0.8"), Decimal(0))


def test_its_own_budget_is_all_that_it_reserves(studio: Studio) -> None:
    set_limit(studio, "5")
    studio.play([DEAR])
    job = studio.run({"budget": {"usd": 2}})
    assert (job.status, value(studio.fake.calls[0], "--max-budget-usd")) == ("COMPLETED", "2")


def test_when_it_is_spent_people_are_asked_and_the_same_session_goes_on(studio: Studio) -> None:
    set_limit(studio, "0.4")
    studio.play([OVER, {**DEAR, "text": "done at last"}])
    job = studio.enqueue({})
    with studio.work():
        studio.waits(job, "GATE")
        (gate,) = studio.client.gates(job_id=job)
        assert gate.question == "The budget of type claude is spent: $0.40 of $0.40. Raise it?"
        studio.client.decide(gate.id, approve=True, form={"limit_usd": 2})
        assert studio.ends(job).status == "COMPLETED"
    one, two = studio.fake.calls
    assert two["argv"][4:6] == ["--resume", one["session"]]
    assert value(two, "--max-budget-usd") == "0.2", "a tenth, for there may be others of its type"


def test_of_a_budget_of_its_own_job_it_takes_all(studio: Studio) -> None:
    studio.play([DEAR])
    job = studio.enqueue({}, budget=Budget("3"))
    with studio.work():
        assert studio.ends(job).status == "COMPLETED"
    assert value(studio.fake.calls[0], "--max-budget-usd") == "3"


def test_a_budget_that_stops_ends_the_agent(studio: Studio) -> None:
    set_limit(studio, "0.4", on_exceeded=OnExceeded.STOP)
    studio.play([OVER, DEAR])
    job = studio.run({}, max_attempts=3)
    assert (job.status, job.error_code, len(studio.fake.calls)) == ("FAILED", "budget_exceeded", 1)
