"""What a job cost: unknown is never nothing, what was for nothing is named, and so is what was not paid again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import httpx2
import pytest
from pages.acting import on
from pages.conftest import Ui
from pages.test_job_page import seen

from jobtrail.core.job_cost import UsageOfStep, bill, limit_usd
from jobtrail.core.model import Attempt, Step
from jobtrail.core.status import AttemptStatus, StepStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JOB = uuid4()


@pytest.fixture
def http(ui: Ui) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=ui.url, timeout=30) as client:
        yield client


def attempt(number: int, status: str, error_code: str | None = None) -> Attempt:
    return Attempt(
        uuid4(), JOB, number, status, uuid4(), None, None, 0.0, None, None, None, None, error_code, None, None, NOW, NOW
    )


def step(attempt: Attempt, status: str) -> Step:
    return Step(
        uuid4(), JOB, attempt.id, 1, "s", "s", "EXECUTION", "AI_ACTION", status, None, 0, 0, None, None, NOW, NOW, 1
    )


def used(attempt: Attempt, step: Step | None, usd: str | None) -> UsageOfStep:
    cost, unpriced = (None, 1) if usd is None else (Decimal(usd), 0)
    return UsageOfStep(attempt.id, None if step is None else step.id, "p", "m", 1, 10, 0, 5, 0, cost, unpriced, None)


@pytest.mark.parametrize(
    ("status", "error_code", "is_wasted"),
    [
        (AttemptStatus.FAILED, None, True),
        (AttemptStatus.LOST, None, True),
        (AttemptStatus.TIMED_OUT, None, True),
        (AttemptStatus.INTERRUPTED, "interrupted", True),
        (AttemptStatus.INTERRUPTED, "gate", False),
        (AttemptStatus.COMPLETED, None, False),
        (AttemptStatus.RUNNING, None, False),
    ],
)
def test_what_an_attempt_cost_in_vain_is_wasted(status: str, error_code: str | None, is_wasted: bool) -> None:
    one = attempt(1, status, error_code)
    told = bill([used(one, None, "0.10")], [one], [])
    assert told.lines[0].wasted == is_wasted
    assert told.wasted_usd == (Decimal("0.10") if is_wasted else None)


def test_a_step_that_a_later_attempt_remembers_is_saved_and_not_wasted() -> None:
    lost, then = attempt(1, AttemptStatus.LOST), attempt(2, AttemptStatus.COMPLETED)
    done, cut = step(lost, StepStatus.COMPLETED), step(then, StepStatus.COMPLETED)
    told = bill([used(lost, done, "0.20"), used(lost, cut, "0.05"), used(then, cut, "0.07")], [lost, then], [done, cut])
    assert (told.saved_usd, told.wasted_usd, told.own.cost_usd) == (Decimal("0.20"), Decimal("0.05"), Decimal("0.32"))


def test_a_step_of_the_last_attempt_saved_nothing_yet() -> None:
    one = attempt(1, AttemptStatus.COMPLETED)
    done = step(one, StepStatus.COMPLETED)
    assert bill([used(one, done, "0.20")], [one], [done]).saved_usd is None


def test_unknown_prices_are_counted_and_add_nothing() -> None:
    one = attempt(1, AttemptStatus.FAILED)
    told = bill([used(one, None, None)], [one], [])
    assert (told.own.cost_usd, told.own.unpriced_calls, told.wasted_usd, told.wasted_unpriced) == (None, 1, None, 1)
    assert len(told.unpriced) == 1


@pytest.mark.parametrize("input", [None, [], {}, {"budget": 3}, {"budget": {"usd": True}}, {"budget": {"usd": "x"}},
                                   {"budget": {"usd": "NaN"}}, {"budget": {"usd": -1}}, {"budget": {"tokens": 5}}])  # fmt: skip
def test_a_budget_that_cannot_be_read_is_none(input: object) -> None:
    assert limit_usd(input) is None


def test_the_bill_has_a_line_for_each_step_and_model(ui: Ui, http: httpx2.Client) -> None:
    said = seen(http, f"/w/default/jobs/{ui.stage.jobs['agent']}/cost")
    assert "$0.04+ own cost" in said and "Unknown price: 1 call (model-x)" in said
    assert "describe model-a a provider 1 8 402 5 100 1 220 340 $0.004 1" in said.replace("\u202f", " ")
    assert "describe model-x a provider 1 8 402 5 100 1 220 340 — 1" in said.replace("\u202f", " ")
    assert "$0.00 " not in said.partition("Budgets that hold it")[0]


def test_a_job_without_calls_says_so(ui: Ui, http: httpx2.Client) -> None:
    said = seen(http, f"/w/default/jobs/{ui.stage.jobs['COMPLETED']}/cost")
    assert "No model was called by this job." in said and "$" not in said.split("Cost", 1)[1]


def test_the_share_of_the_budget_is_told(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("on a budget", input={"budget": {"usd": "0.50"}})
    stage.tell(job, "usage", {"number": 1, "provider": "p", "model": "m", "cost_usd": "0.45"})
    said = seen(http, f"/w/default/jobs/{job['job_id']}/cost")
    assert "budget $0.50" in said and "90 %" in said


def test_what_was_lost_is_wasted_and_what_was_remembered_is_saved(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("a bill of two attempts")
    done = stage.step(job, "draft", {"output": 1})
    said = {"provider": "p", "model": "m"}
    stage.tell(job, "usage", said | {"number": 1, "cost_usd": "0.20", "step_id": done})
    stage.tell(job, "usage", said | {"number": 2, "cost_usd": "0.05"})
    stage.tell(job, "fail", {"message": "no", "retry": True, "retry_in_seconds": 0})
    stage.http.post(f"/api/v1/jobs/{job['job_id']}/start", json={})
    again = stage.taken(job["job_id"])
    stage.tell(again, "usage", said | {"number": 1, "cost_usd": "0.01"})
    told = seen(http, f"/w/default/jobs/{job['job_id']}/cost")
    assert "$0.26 own cost" in told and "remembered later" in told and "wasted: FAILED" in told
    assert "failed: $0.05" in told and "remembered steps: $0.20" in told


def test_the_bill_as_of_a_time_holds_what_was_used_by_then(ui: Ui, http: httpx2.Client) -> None:
    stage = on(ui)
    job = stage.begun("a bill that grew")
    said = {"provider": "p", "model": "m"}
    stage.tell(job, "usage", said | {"number": 1, "cost_usd": "0.10"})
    first = http.get(f"/api/v1/jobs/{job['job_id']}/usage").json()["items"][0]["at"]
    stage.tell(job, "usage", said | {"number": 2, "cost_usd": "0.30"})
    path = f"/w/default/jobs/{job['job_id']}/cost"
    assert "$0.40 own cost" in seen(http, path)
    then = seen(http, f"{path}?at={first.replace('+', '%2B')}")
    assert "$0.10 own cost up to then" in then and "0.40" not in then.split("own cost")[1]


def test_a_bill_does_not_depend_on_the_order_of_its_lines() -> None:
    lost, then = attempt(1, AttemptStatus.LOST), attempt(2, AttemptStatus.COMPLETED)
    lines = [used(lost, None, "0.20"), used(then, None, "0.07"), used(lost, None, None)]
    one, other = bill(lines, [lost, then], []), bill(lines[::-1], [then, lost], [])
    assert replace(one, lines=()) == replace(other, lines=())
    assert isinstance(lost.id, UUID)
