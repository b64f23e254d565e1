"""`drain`: runs what is due through the worker itself, leaves what is not, and says what is stuck."""

from __future__ import annotations

import asyncio
import threading

import pytest
from testing import shop

import jobtrail as jt
from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.core.fairness import Turn
from jobtrail.core.fence import Fence
from jobtrail.core.ids import Uuid7
from jobtrail.service import attempts, workers
from jobtrail.service.attempts import Taker
from jobtrail.service.workers import NewWorker
from jobtrail.store.db import ALL, Scope, run
from jobtrail.store.pool import Dial, connect
from jobtrail.testing import Clock, Lab, Stuck


@pytest.fixture(autouse=True)
def bound(jobtrail: Lab) -> None:
    jobtrail.use(shop.app)


def test_everything_that_is_ready_runs_also_what_jobs_enqueue_into_other_queues(jobtrail: Lab) -> None:
    job = shop.parent.enqueue(children=3)
    ended = jobtrail.drain()
    assert [one.type for one in ended] == ["parent", "child", "child", "child"]
    assert [jobtrail.result(one) for one in jobtrail.jobs("child")] == [0, 1, 2]
    assert {one.queue for one in ended} == {"default", "queue 0", "queue 1"}
    assert jobtrail.job(job).status == "COMPLETED"
    assert jobtrail.drain() == []


def test_what_waits_is_left_waiting_until_its_time(jobtrail: Lab, clock: Clock) -> None:
    retried, later = shop.flaky.enqueue(), shop.child.using(delay="2h").enqueue(n=1)
    asked = shop.publish.enqueue(draft="a")
    assert jobtrail.drain() == []
    assert [jobtrail.job(job).wait_reason for job in (retried, later, asked)] == ["RETRY", "SCHEDULE", "GATE"]
    clock.advance("10s")
    assert jobtrail.drain() == []
    clock.advance("20s")
    assert [job.type for job in jobtrail.drain()] == ["flaky"]
    assert retried.result() == 3
    assert jobtrail.logs(retried) == ["try 1", "try 2", "try 3"]
    clock.advance("1h59m29s")
    assert jobtrail.drain() == []
    clock.advance("1s")
    assert {job.type: job.status for job in jobtrail.drain()} == {"child": "COMPLETED", "publish": "CANCELLED"}


def test_until_waits_for_what_the_running_clock_brings(jobtrail: Lab) -> None:
    app = jt.App()

    @app.job("soon", retry=jt.Retry(max_attempts=3, delay="50ms"))
    def soon(ctx: jt.SyncContext) -> int:
        if ctx.attempt < 3:
            raise OSError
        return ctx.attempt

    jobtrail.use(app)
    job = soon.enqueue()
    jobtrail.drain(until=job)
    assert job.result() == 3


def test_until_is_enough_even_if_more_could_run(jobtrail: Lab) -> None:
    first, second = shop.child.enqueue(n=1), shop.publish.enqueue(draft="a")
    jobtrail.drain(until=lambda: jobtrail.job(first).status == "COMPLETED")
    jobtrail.drain(until=first)
    assert jobtrail.job(second).status in ("QUEUED", "RUNNING", "PENDING")


def test_until_what_cannot_come_says_why(jobtrail: Lab, clock: Clock) -> None:
    job = shop.flaky.enqueue()
    with pytest.raises(Stuck, match=r"cannot come by itself:\n  flaky .*failure 1 of 3.*OSError: once more.*again in"):
        jobtrail.drain(until=job)
    asked = shop.publish.enqueue(draft="a")
    clock.thaw()
    with pytest.raises(Stuck, match='a decision on "Publish\\?"'):
        jobtrail.drain(until=asked, patience=5.0)


def test_a_type_that_nobody_knows_is_told_and_may_be_left(jobtrail: Lab) -> None:
    app = jt.App()

    @app.job("elsewhere")
    def elsewhere() -> int:
        return 1

    app.connect(jobtrail.client)
    job, known = elsewhere.enqueue(), shop.child.enqueue(n=1)
    with pytest.raises(Stuck, match=r"type 'elsewhere' \(known: .*jobtrail.use\(app\)"):
        jobtrail.drain()
    assert [one.type for one in jobtrail.drain(leave=["elsewhere"])] in ([], ["child"])
    assert jobtrail.job(known).status == "COMPLETED"
    assert jobtrail.job(job).status == "QUEUED"
    jobtrail.add(app.runners["elsewhere"])
    jobtrail.drain()
    assert job.result() == 1


def test_installed_runners_are_found_when_there_are_jobs_for_them(jobtrail: Lab) -> None:
    new = shop.child.new(n=1)
    options = type(new.options)(type="command")
    job_id = jobtrail.client.enqueue_all([type(new)(id=new.id, input=b'{"run": ["true"]}', options=options)]).ids[0]
    (ended,) = jobtrail.drain()
    assert (ended.id, ended.status) == (job_id, "COMPLETED")


def test_a_paused_queue_is_left(jobtrail: Lab) -> None:
    job = shop.sync.enqueue(customer="c1")
    jobtrail.client.pause("io")
    assert jobtrail.drain() == []
    jobtrail.client.resume("io")
    jobtrail.drain()
    assert job.result() == shop.Report(rows=7, since="2026-01-01")  # type: ignore[arg-type]


@pytest.mark.parametrize("sync", [True, False])
def test_a_job_that_does_not_end_is_named_and_given_back(jobtrail: Lab, sync: bool) -> None:
    go = threading.Event()
    app = jt.App()

    async def hangs_async() -> None:
        await asyncio.sleep(600)

    def hangs() -> None:
        go.wait(60)

    job = app.job("hangs")(hangs if sync else hangs_async)
    jobtrail.use(app)
    handle = job.enqueue()
    with pytest.raises(Stuck, match=r"not done after 4(\.0)? s:\n  hangs .*It runs on worker"):
        jobtrail.drain(patience=4.0)
    go.set()
    assert (jobtrail.job(handle).status, jobtrail.job(handle).failure_count) == ("QUEUED", 0)


def test_jobs_run_one_by_one_unless_there_are_more_slots(jobtrail: Lab) -> None:
    app = jt.App()
    at_once: list[int] = []
    most: list[int] = []
    wanted, enough = 0, asyncio.Event()

    @app.job("counts")
    async def counts() -> None:
        at_once.append(1)
        most.append(len(at_once))
        if len(at_once) == wanted:
            enough.set()
        await asyncio.wait_for(enough.wait(), 20)
        await asyncio.sleep(0.01)  # were there more slots, the next one would begin now
        at_once.pop()

    jobtrail.use(app)
    for wanted in (1, 4):
        most.clear()
        enough = asyncio.Event()
        for _ in range(4):
            counts.enqueue()
        jobtrail.drain(slots=wanted)
        assert max(most) == wanted


async def test_async_tests_drain_too(jobtrail: Lab) -> None:
    first = await shop.sync.aenqueue(customer="c1")
    jobtrail.drain()
    second = await shop.sync.aenqueue(customer="c2")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    await jobtrail.adrain()
    ticking.cancel()
    assert (first.result().rows, second.result().rows) == (7, 7)
    assert ticks > 1


def test_jobs_of_a_worker_that_is_gone_are_taken_over(jobtrail: Lab, clock: Clock) -> None:
    job = shop.child.enqueue(n=1)
    ids = Uuid7(lambda: 1, lambda n: b"\1" * n)
    dead, scope = ids.new(), Scope(ALL, standing=True)
    with connect(Dial(url=jobtrail.database.app_url)) as conn:
        run(conn, workers.register(NewWorker(
            id=dead, name="w", host="h", host_id="other", process_id=1, process_started=0.0, lock_key=0, lease_seconds=10.0,
            slots=1, version="0", queues=("default",), types=("child",))), scope)  # fmt: skip
        (claimed,) = run(conn, attempts.claim(Taker(dead, "default", ["child"], "0123456789ab7", "0" * 32), 1,
                                              [Turn(DEFAULT_WORKSPACE, 1)]), scope)  # fmt: skip
    assert Fence(claimed.workspace_id, claimed.job_id, claimed.attempt_id, dead).job_id == job.id
    with pytest.raises(Stuck, match="It runs on worker w"):
        jobtrail.drain(patience=0.2)
    clock.advance("10.1s")
    jobtrail.drain()
    assert (job.result(), jobtrail.job(job).loss_count) == (1, 1)


def test_what_a_job_of_a_test_raises_is_a_failure_of_the_job_only(jobtrail: Lab) -> None:
    app = jt.App()

    @app.job("asserts", retry=1)
    def asserts() -> None:
        pytest.fail("from inside a job")

    jobtrail.use(app)
    job = asserts.enqueue()
    jobtrail.drain()
    assert jobtrail.job(job).error_message == "Failed: from inside a job"


def test_inputs_are_checked_first(jobtrail: Lab) -> None:
    app = jt.App()

    def few(n: int) -> dict[str, str]:
        return {"n": "too many"} if n > 3 else {}

    @app.job("few", check=few)
    def run_few(n: int) -> int:
        return n

    jobtrail.use(app)
    good, bad = run_few.enqueue(n=3), run_few.enqueue(n=4)
    assert jobtrail.job(good).wait_reason == "VALIDATION"
    assert {job.id: job.status for job in jobtrail.drain()} == {good.id: "COMPLETED", bad.id: "FAILED"}
    assert jobtrail.job(bad).error_code == "invalid_input"


def test_a_check_that_waits_to_be_done_again_is_left_waiting(jobtrail: Lab, clock: Clock) -> None:
    app, tries = jt.App(), []

    def breaks(n: int) -> dict[str, str]:
        tries.append(n)
        if len(tries) < 3:
            raise OSError("not now")
        return {}

    @app.job("moody", check=breaks)
    def moody(n: int) -> int:
        return n

    jobtrail.use(app)
    job = moody.enqueue(n=1)
    for _ in range(3):
        jobtrail.drain()
        clock.advance("10s")
    jobtrail.drain()
    assert (job.result(), len(tries)) == (1, 3)
