"""`ctx.sleep`, `ctx.wait_for_signal` and `ctx.gate` at a real worker: in its process, in a thread, in a child process."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from worker import patient

import jobtrail as jt
from jobtrail.core.errors import Invalid
from jobtrail.core.why import sentence
from jobtrail.runners.python import Isolation
from jobtrail.testing import Clock, Lab


@pytest.fixture
def clock(jobtrail: Lab) -> Clock:
    """The clock of the users' plugin, standing still."""
    jobtrail.clock.freeze()
    return jobtrail.clock


def made(lab: Lab, function: Any, **options: Any) -> Any:
    app = jt.App()
    call = app.job(function.__name__, **options)(function)
    lab.use(app)
    return call


def signal(lab: Lab, job: Any, name: str, payload: Any) -> None:
    client, found = lab._of(job)
    client.signal(found.id, name, payload)


@pytest.mark.parametrize(
    ("function", "isolation"),
    [(patient.whole, None), (patient.whole_in_thread, "thread"), (patient.whole_in_thread, "process"), (patient.whole, "process")],
)  # fmt: skip
def test_a_job_goes_on_where_it_stood(jobtrail: Lab, clock: Clock, function: Any, isolation: Isolation | None) -> None:
    job = made(jobtrail, function, isolation=isolation).enqueue(order="o1")
    assert jobtrail.drain() == []
    waits = jobtrail.job(job)
    assert (waits.wait_reason, waits.scheduled_at) == ("SCHEDULE", clock.now + timedelta(days=2))
    assert "its code said: it sleeps in step sleep" in sentence(jobtrail._of(job)[0].facts(job.id))
    clock.advance("2d")
    assert jobtrail.drain() == [] and jobtrail.job(job).wait_reason == "SIGNAL"
    signal(jobtrail, job, "payment", {"eur": 5})
    assert jobtrail.drain() == [] and jobtrail.job(job).wait_reason == "SIGNAL"
    signal(jobtrail, job, "payment#2", "more")
    assert jobtrail.drain() == [] and jobtrail.job(job).wait_reason == "GATE"
    with pytest.raises(Invalid) as caught:
        jobtrail.approve(job)
    assert caught.value.fields == {"comment": "say why: this gate asks for a comment", "form.amount": "is missing"}
    jobtrail.approve(job, comment="ok", form={"amount": 7}, by="ann")
    assert [one.status for one in jobtrail.drain()] == ["COMPLETED"]
    first, *rest = job.result()[1:]
    assert rest == [5, "card", "more", 7, "none", ["ann"]] and first
    assert jobtrail.steps(job) == ["first", "sleep", "sleep", "signal payment", "signal payment", "terms?", "sleep"]
    assert jobtrail.job(job).failure_count == 0


def test_a_signal_that_does_not_come_fails_the_job_at_once_and_a_retry_listens_anew(
    jobtrail: Lab, clock: Clock
) -> None:
    job = made(jobtrail, patient.listens, retry=3).enqueue()
    jobtrail.drain()
    clock.advance("3d")
    (ended,) = jobtrail.drain()
    assert (ended.status, ended.error_code, ended.failure_count) == ("FAILED", "signal_timed_out", 1)
    assert "nobody said 'payment' to this job within 3d" in (ended.error_message or "")
    client, _ = jobtrail._of(job)
    client.retry(job.id)
    assert jobtrail.drain() == [] and jobtrail.job(job).wait_reason == "SIGNAL"
    signal(jobtrail, job, "payment", {"eur": 5, "by": "cash"})
    jobtrail.drain()
    assert job.result() == "cash"


def test_code_may_cope_with_a_signal_that_does_not_come(jobtrail: Lab, clock: Clock) -> None:
    job = made(jobtrail, patient.listens_and_copes).enqueue()
    jobtrail.drain()
    clock.advance("3d")
    jobtrail.drain()
    assert job.result().startswith("nothing: nobody said 'payment'")


def test_a_signal_that_does_not_fit_its_type_says_where(jobtrail: Lab) -> None:
    job = made(jobtrail, patient.listens, retry=3).enqueue()
    signal(jobtrail, job, "payment", {"eur": "many"})
    (ended,) = jobtrail.drain()
    assert (ended.status, ended.error_code) == ("FAILED", "invalid")
    assert "$.eur" in (ended.error_message or "")


@pytest.mark.parametrize(
    ("on_expire", "must", "status", "said"),
    [
        ("reject", True, "CANCELLED", "go on?: nobody decided in time"),
        ("reject", False, "COMPLETED", [False, True, []]),
        ("approve", True, "COMPLETED", [True, True, []]),
        ("fail", False, "FAILED", "gate_expired"),
        ("cancel", False, "CANCELLED", "go on?: nobody decided in time"),
    ],
)
def test_a_silence_is_what_the_code_said_it_would_be(
    jobtrail: Lab, clock: Clock, on_expire: str, must: bool, status: str, said: Any
) -> None:
    job = made(jobtrail, patient.asks).enqueue(on_expire=on_expire, must=must)
    jobtrail.drain()
    clock.advance("1h")
    (ended,) = jobtrail.drain()
    assert ended.status == status
    assert said == (job.result() if status == "COMPLETED" else ended.cancel_reason or ended.error_code)


def test_code_that_catches_everything_sleeps_all_the_same(jobtrail: Lab, clock: Clock) -> None:
    job = made(jobtrail, patient.swallows).enqueue()
    assert jobtrail.drain() == []
    assert jobtrail.job(job).status == "PENDING"
    clock.advance("1d")
    jobtrail.drain()
    assert job.result() == "slept"


def test_a_sleeper_is_cancelled_at_once_and_started_early(jobtrail: Lab, clock: Clock) -> None:
    call = made(jobtrail, patient.swallows)
    gone, early = call.enqueue(), call.enqueue()
    jobtrail.drain()
    client, _ = jobtrail._of(gone)
    client.cancel(gone.id)
    client.start_now(early.id)
    jobtrail.drain()
    assert (jobtrail.job(gone).status, early.result()) == ("CANCELLED", "slept")


@pytest.mark.timeout(600)
def test_a_sleeper_survives_wherever_its_worker_is_killed(jobtrail: Lab, clock: Clock) -> None:
    report = jobtrail.crash_everywhere(made(jobtrail, patient.naps))
    assert (report.status, report.result) == ("COMPLETED", ["a", "b"])
    assert {"after 'sleep' began to wait", "after the wait of 'sleep' was over"} <= set(report.places)
    for job in jobtrail.jobs("naps"):
        assert jobtrail.steps(job.id) == ["first", "sleep", "second", "sleep"]


@pytest.mark.parametrize(
    "how",
    [{"comment": "maybe"}, {"on_expire": "wait"}, {"rejections": "none"}, {"needed": 0}, {"form": int.__add__},
     {"escalate": ("1h", "bob")}],
)  # fmt: skip
def test_what_cannot_be_asked_says_which_part(jobtrail: Lab, how: dict[str, Any]) -> None:
    async def wrong(ctx: jt.Context) -> None:
        await ctx.gate("go?", **how)

    job = made(jobtrail, wrong, retry=3).enqueue()
    (ended,) = jobtrail.drain()
    assert (ended.status, ended.error_code, ended.failure_count) == ("FAILED", "invalid", 1), ended.error_message
    assert jobtrail.job(job).status == "FAILED"
