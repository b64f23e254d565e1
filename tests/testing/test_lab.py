"""What a test can say and ask about jobs: enqueued or not, steps, gates, logs; and that it reaches its own database only."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest
from testing import shop

import jobtrail as jt
from jobtrail.core.errors import Denied, Invalid, Misconfigured, NotFound
from jobtrail.store.throwaway import Server
from jobtrail.testing import Clock, Lab
from jobtrail.testing.bench import load_app


@pytest.fixture(autouse=True)
def bound(jobtrail: Lab) -> None:
    jobtrail.use(shop.app)


def test_what_was_enqueued_is_found_by_type_and_part_of_its_input(jobtrail: Lab) -> None:
    shop.sync.enqueue(customer="c41", since=date(2026, 5, 1))
    newest = shop.sync.enqueue(customer="c42", since=date(2026, 5, 1))
    assert jobtrail.assert_enqueued(shop.sync).id == newest.id
    assert jobtrail.assert_enqueued(shop.sync, customer="c41", since=date(2026, 5, 1)).queue == "io"
    assert jobtrail.assert_enqueued("orders.sync", customer="c42", since="2026-05-01").id == newest.id
    assert jobtrail.assert_enqueued(shop.sync, limit=10).id == newest.id  # a default is an input too
    jobtrail.refute_enqueued(shop.sync, customer="c43")
    jobtrail.refute_enqueued(shop.publish)
    jobtrail.refute_enqueued("no.such.type")


def test_what_was_not_enqueued_is_told_with_what_was(jobtrail: Lab) -> None:
    with pytest.raises(AssertionError, match="none at all was enqueued here"):
        jobtrail.assert_enqueued(shop.sync)
    shop.sync.enqueue(customer="c41")
    with pytest.raises(AssertionError) as wrong:
        jobtrail.assert_enqueued(shop.sync, customer="c42")
    assert str(wrong.value).startswith(
        "no job orders.sync was enqueued with {'customer': 'c42'}; there are:\n  orders.sync"
    )
    assert '"customer":"c41"' in str(wrong.value)
    with pytest.raises(AssertionError, match=r"1 jobs orders\.sync were enqueued with any input"):
        jobtrail.refute_enqueued(shop.sync)


def test_an_input_that_the_function_does_not_have_is_a_mistake_of_the_test(jobtrail: Lab) -> None:
    with pytest.raises(Invalid, match=r"orders\.sync has no input custmer; it has customer, since, limit"):
        jobtrail.refute_enqueued(shop.sync, custmer="c42")


def test_steps_events_logs_and_results_are_there_to_look_at(jobtrail: Lab) -> None:
    job = shop.sync.enqueue(customer="c42")
    jobtrail.drain()
    assert jobtrail.steps(job) == ["fetch", "sum"]
    assert jobtrail.logs(job) == ["fetched"]
    assert jobtrail.result(job) == {"rows": 8, "since": "2026-01-01"}
    assert [event.type for event in jobtrail.events(job)][0::5] == ["job.created", "step.completed"]
    assert jobtrail.job(job.id) == jobtrail.job(job) == jobtrail.job(jobtrail.job(job))


def test_a_gate_is_looked_at_and_decided_as_those_who_may(jobtrail: Lab) -> None:
    job = shop.publish.enqueue(draft="news")
    with pytest.raises(AssertionError, match="waits at no gate: No worker serves its queue default"):
        jobtrail.waiting(job)
    jobtrail.drain()
    assert (jobtrail.waiting(job).question, jobtrail.waiting(job).needed) == ("Publish?", 2)
    with pytest.raises(Denied):
        jobtrail.approve(job, by="somebody")
    assert jobtrail.approve(job) == "WAITING"
    assert jobtrail.approve(job, comment="fine") == "APPROVED"
    jobtrail.drain()
    assert job.result() == "NEWS by ann and ben"


def test_a_rejection_ends_the_job(jobtrail: Lab) -> None:
    job = shop.publish.enqueue(draft="news")
    jobtrail.drain()
    jobtrail.reject(job, comment="no news")
    (ended,) = jobtrail.drain()
    assert (ended.status, ended.cancel_reason) == ("CANCELLED", "Publish?: rejected by ann: no news")


def test_what_was_refused_is_asked_anew_when_the_job_is_retried_and_what_was_approved_is_not(jobtrail: Lab) -> None:
    app = jt.App()

    @app.job("asks")
    async def asks(ctx: jt.Context) -> str:
        await ctx.gate("first?")
        await ctx.gate("second?")
        return "both"

    jobtrail.use(app)
    job = asks.enqueue()
    jobtrail.drain()
    for answer in ("approve first?", "reject second?", "retry", "reject second?", "retry", "approve second?"):
        verb, _, question = answer.partition(" ")
        if verb == "retry":
            jobtrail.client.retry(job.id)
        else:
            assert jobtrail.waiting(job).question == question
            (jobtrail.approve if verb == "approve" else jobtrail.reject)(job)
        jobtrail.drain()
    assert job.result() == "both"


def test_a_gate_that_nobody_decides_expires_as_time_passes(jobtrail: Lab, clock: Clock) -> None:
    job = shop.publish.enqueue(draft="news")
    jobtrail.drain()
    clock.advance("1h59m")
    assert jobtrail.drain() == []
    clock.advance("1m")
    jobtrail.drain()
    assert jobtrail.job(job).status == "CANCELLED"


def test_the_clock_stands_until_it_is_put_forward_and_may_run_again(jobtrail: Lab, clock: Clock) -> None:
    now = clock.now
    assert clock.now == now and clock.frozen
    assert clock.advance("2h") == clock.now == now + (clock.now - now)
    assert (clock.now - now).total_seconds() == 7200
    assert jobtrail.job(shop.child.enqueue(n=1)).created_at == clock.now
    clock.thaw()
    assert clock.now < clock.now and not clock.frozen


def test_the_story_tells_of_each_job(jobtrail: Lab) -> None:
    assert jobtrail.story() == "none was enqueued"
    shop.flaky.enqueue()
    jobtrail.drain()
    assert "flaky" in jobtrail.story() and 'raise OSError("once more")' in jobtrail.story()


def test_nothing_that_a_test_enqueues_reaches_another_database(jobtrail: Lab) -> None:
    unbound = jt.App()

    @unbound.job("unbound")
    def job() -> None: ...

    assert os.environ["JOBTRAIL_DATABASE_URL"] == jobtrail.database.app_url
    with unbound.client:
        handle = job.enqueue()
        assert jobtrail.job(handle).type == "unbound"


def test_apps_are_let_go_after_the_test(jobtrail_server: Server, tmp_path: Path) -> None:
    app = jt.App("postgresql://nobody@127.0.0.1:1/nowhere")
    database = jobtrail_server.create()
    with Lab(database, tmp_path) as lab:
        lab.use(app)
        mine = app.client
        assert mine is lab.client
    assert app.client is not mine
    jobtrail_server.drop(database)


def test_workspaces_are_kept_apart(jobtrail: Lab) -> None:
    other = jt.App(workspace=uuid4())

    @other.job("theirs")
    def theirs() -> str:
        return "theirs"

    jobtrail.use(other)
    job = theirs.enqueue()
    jobtrail.drain()
    assert job.result() == "theirs"
    with pytest.raises(NotFound):
        jobtrail.client.get(job.id)
    assert jobtrail.job(job).workspace_id == other.workspace


def test_a_job_that_is_not_of_this_database_is_told(jobtrail: Lab) -> None:
    with pytest.raises(NotFound, match=r"was its app bound with jobtrail.use\(app\)\?"):
        jobtrail.job(uuid4())


def test_the_app_under_test_is_found_by_its_name() -> None:
    assert load_app("testing.shop:app") is shop.app
    with pytest.raises(Misconfigured, match=r"is not a jobtrail\.App"):
        load_app("testing.shop:fetch")
    with pytest.raises(Misconfigured, match="cannot be imported"):
        load_app("no.such.module:app")
