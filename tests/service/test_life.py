"""A job's life, verb by verb: claim, finish, fail, wait, lose, cancel, retry, and who is too late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from database import Clock
from scene import ME, Scene, ids

from jobtrail.core.errors import Conflict, IllegalMove, NotFound, StaleAttempt
from jobtrail.core.fence import Fence, Used
from jobtrail.core.status import JobStatus, Phase, StepStatus, StepType, WaitReason
from jobtrail.service import assets, attempts, gates, jobs, logs, queues, steps, upkeep, usage, workers
from jobtrail.store.query import Flow

SECOND = timedelta(seconds=1)
SOON = 5 * SECOND


def test_a_job_is_accepted_claimed_and_completed(scene: Scene, clock: Clock) -> None:
    fence = scene.start()
    clock.advance(seconds=2.5)
    assert scene.complete(fence, '{"rows": 3}') == []
    job, result = scene.job(fence.job_id), scene.do(jobs.result(scene.workspace, fence.job_id))
    assert (job.status, job.actual_seconds, job.completed_at) == ("COMPLETED", 2.5, clock.now())
    assert result is not None and (result.status, result.output) == ("SUCCESS", {"rows": 3})
    assert scene.told(fence.job_id) == ["job.created", "job.started", "job.completed"]


def test_completing_twice_is_already_yours(scene: Scene) -> None:
    fence = scene.start()
    assert scene.complete(fence) == []
    assert scene.complete(fence) == []
    assert scene.told(fence.job_id).count("job.completed") == 1


def test_a_batch_tells_the_stale_from_the_done(scene: Scene) -> None:
    lost = scene.start()
    scene.do(workers.stop([scene.worker], "killed"))
    scene.do(workers.rescue())
    again = scene.again(lost.job_id, worker=scene.new_worker())
    other = scene.start(worker=again.worker_id)
    done = [attempts.Completed(one) for one in (lost, again, other)]
    assert scene.do(attempts.complete(done)) == [lost]
    assert [scene.job(one.job_id).status for one in (again, other)] == ["COMPLETED", "COMPLETED"]


def test_what_an_attempt_used_is_kept(scene: Scene) -> None:
    fence = scene.start()
    scene.do(attempts.complete([attempts.Completed(fence, used=Used(1.5, 2048, 4096, 0), summary="fine", ms=40)]))
    attempt, result = scene.attempts(fence.job_id)[0], scene.do(jobs.result(scene.workspace, fence.job_id))
    assert (attempt.cpu_seconds, attempt.memory_bytes, attempt.disk_bytes, attempt.exit_code) == (1.5, 2048, 4096, 0)
    assert result is not None and (result.summary, result.execution_time_ms) == ("fine", 40)


def test_a_failure_is_tried_again_after_its_delay(scene: Scene, clock: Clock) -> None:
    fence = scene.start()
    ended = scene.fail(fence, retry_in=SOON)
    assert (ended.status, ended.scheduled_at) == (JobStatus.PENDING, clock.now() + SOON)
    job = scene.job(fence.job_id)
    assert (job.wait_reason, job.failure_count, job.error_code) == ("RETRY", 1, "boom")
    clock.advance(seconds=4.999)
    assert scene.do(upkeep.stage()).next_due_seconds == pytest.approx(0.001)
    assert scene.job(fence.job_id).status == "PENDING"
    clock.advance(seconds=0.001)
    assert scene.do(upkeep.stage()).moved == 1
    assert scene.again(fence.job_id).attempt_id != fence.attempt_id
    assert scene.job(fence.job_id).attempt_count == 2


def test_the_last_try_that_fails_ends_the_job(scene: Scene, clock: Clock) -> None:
    fence = scene.start(max_attempts=2)
    scene.fail(fence, retry_in=SOON)
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert scene.fail(scene.again(fence.job_id), retry_in=SOON).status is JobStatus.FAILED
    job, result = scene.job(fence.job_id), scene.do(jobs.result(scene.workspace, fence.job_id))
    assert (job.failure_count, job.wait_reason, job.scheduled_at) == (2, None, None)
    assert result is not None and (result.status, result.summary) == ("FAILURE", "it went wrong")
    assert scene.told(fence.job_id)[-1] == "job.failed"


def test_a_failure_without_retry_ends_the_job_whatever_tries_are_left(scene: Scene) -> None:
    fence = scene.start(max_attempts=9)
    assert scene.fail(fence).status is JobStatus.FAILED


def test_failing_twice_is_already_yours(scene: Scene) -> None:
    fence = scene.start()
    scene.fail(fence, retry_in=SOON)
    scene.fail(fence, retry_in=SOON)
    assert scene.job(fence.job_id).failure_count == 1


def test_an_interruption_uses_up_no_try(scene: Scene) -> None:
    fence = scene.start(max_attempts=1)
    for _ in range(5):
        assert scene.do(attempts.interrupt([fence])) == 1
        assert scene.job(fence.job_id).status == "QUEUED"
        fence = scene.again(fence.job_id)
    job = scene.job(fence.job_id)
    assert (job.failure_count, job.loss_count, job.attempt_count) == (0, 0, 6)
    assert {one.status for one in scene.attempts(fence.job_id)[:-1]} == {"INTERRUPTED"}
    assert scene.complete(fence) == []


def test_an_interrupted_job_that_is_to_be_cancelled_does_not_run_again(scene: Scene) -> None:
    fence = scene.start()
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ME, "enough"))
    assert scene.do(attempts.interrupt([fence])) == 1
    assert (scene.job(fence.job_id).status, scene.claim()) == ("CANCELLED", [])


def test_a_snoozed_job_uses_no_try_and_comes_back(scene: Scene, clock: Clock) -> None:
    fence = scene.start(max_attempts=1)
    ended = scene.do(attempts.suspend(fence, "job.snoozed", WaitReason.SCHEDULE, SOON, note='{"why": "not yet"}'))
    assert (ended.status, ended.scheduled_at) == (JobStatus.PENDING, clock.now() + SOON)
    assert scene.claim() == []
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert scene.complete(scene.again(fence.job_id)) == []
    assert scene.events(fence.job_id)[2].payload["why"] == "not yet"


@pytest.mark.parametrize("reason", [WaitReason.QUOTA, WaitReason.BUDGET, WaitReason.SIGNAL, WaitReason.CHILD])
def test_a_job_that_waits_for_something_for_a_time_goes_on_when_the_time_is_over(
    scene: Scene, clock: Clock, reason: WaitReason
) -> None:
    fence = scene.start()
    scene.do(attempts.suspend(fence, "job.waiting", reason, SOON))
    assert scene.job(fence.job_id).wait_reason == reason
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert scene.job(fence.job_id).status == "QUEUED"


def test_a_job_that_is_lost_three_times_is_quarantined(scene: Scene, clock: Clock) -> None:
    id = scene.enqueue(max_attempts=1)
    for losses in (1, 2, 3):
        scene.again(id, worker=scene.new_worker(lease_seconds=10))
        clock.advance(seconds=10.001)
        (lost,) = scene.do(workers.rescue())
        job = scene.job(id)
        assert (lost.job_id, lost.status, job.status) == (id, JobStatus(job.status), job.status)
        assert (job.loss_count, job.failure_count) == (losses, 0)
    assert (job.status, job.error_code) == ("FAILED", "quarantined")
    assert [one.status for one in scene.attempts(id)] == ["LOST", "LOST", "LOST"]
    result = scene.do(jobs.result(scene.workspace, id))
    assert result is not None and result.status == "FAILURE"


def test_a_worker_that_beats_in_time_keeps_its_jobs(scene: Scene, clock: Clock) -> None:
    fence = scene.start(worker=scene.new_worker(lease_seconds=10))
    for _ in range(3):
        clock.advance(seconds=9)
        beat = scene.do(workers.heartbeat(fence.worker_id))
        assert beat is not None and beat.lease_until == clock.now() + timedelta(seconds=10)
        assert scene.do(workers.rescue()) == []
    assert scene.complete(fence) == []


def test_a_lease_that_nobody_could_renew_runs_out_a_whole_lease_after_the_calm_began(
    scene: Scene, clock: Clock
) -> None:
    fence = scene.start(worker=scene.new_worker(lease_seconds=10))
    before = scene.do(workers.clock())
    now = clock.advance(seconds=60)
    for calm in (workers.Calm(before, before), workers.Calm(now - 10 * SECOND, now), workers.NO_CALM):
        assert scene.do(workers.rescue((), calm)) == []
    long = workers.Calm(now - 10.001 * SECOND, now)
    assert [one.job_id for one in scene.do(workers.rescue((), long))] == [fence.job_id]


def test_a_worker_that_was_declared_gone_gets_no_lease_again(scene: Scene) -> None:
    worker = scene.new_worker()
    assert scene.do(workers.stop([worker], "its host is gone")) == [worker]
    assert scene.do(workers.heartbeat(worker)) is None
    assert scene.do(workers.stop([worker], "again")) == []


def test_a_job_of_an_unknown_worker_is_rescued_when_it_has_been_quiet(scene: Scene, clock: Clock) -> None:
    fence = scene.start(worker=uuid4())
    assert scene.do(workers.rescue()) == []
    clock.advance(seconds=10.001)
    assert [one.job_id for one in scene.do(workers.rescue())] == [fence.job_id]


def test_a_lost_job_that_is_to_be_cancelled_is_cancelled(scene: Scene) -> None:
    fence = scene.start()
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ME, "enough"))
    assert [one.status for one in scene.do(workers.rescue([scene.worker]))] == [JobStatus.CANCELLED]


LATE: dict[str, Callable[[Fence], object]] = {
    "progress": lambda f: attempts.progress(f, 50),
    "step begin": lambda f: steps.begin(f, ids.new(), "k", "k", Phase.SETUP, StepType.COMMAND),
    "step finish": lambda f: steps.finish(f, ids.new(), StepStatus.COMPLETED),
    "step skip": lambda f: steps.skip(f, ids.new(), "k", "k", Phase.SETUP, StepType.COMMAND, "why"),
    "use": lambda f: usage.book(f, 1, usage.Call(provider="p", model="m")),
    "keep": lambda f: assets.keep(f, assets.NewAsset(id=ids.new(), name="n", byte_size=1, sha256="0" * 64, storage_key="k")),
    "log": lambda f: logs.append([logs.NewChunk(f, None, 1, 1, ("INFO",), (), "{}")]),
    "interrupt": lambda f: attempts.interrupt([f]),
}  # fmt: skip
TOO_LATE: dict[str, Callable[[Fence], object]] = {
    "fail": lambda f: attempts.fail(attempts.Failed(f, "c", "m", retry_in=SOON)),
    "end cancelled": lambda f: attempts.end_cancelled(f, "why"),
    "suspend": lambda f: attempts.suspend(f, "job.snoozed", WaitReason.SCHEDULE, SOON),
    "ask": lambda f: gates.request(f, uuid4(), ids.new(), "May it?"),
}


@pytest.fixture(params=["lost", "completed", "lost and claimed again"])
def zombie(request: pytest.FixtureRequest, scene: Scene) -> Fence:
    """An attempt that is over and does not know it."""
    fence = scene.start()
    if request.param == "completed":
        scene.complete(fence)
    else:
        scene.do(workers.rescue([scene.worker]))
    if request.param == "lost and claimed again":
        scene.again(fence.job_id, worker=scene.new_worker())
    return fence


@pytest.mark.parametrize("verb", LATE)
def test_a_zombie_writes_nothing(scene: Scene, zombie: Fence, verb: str) -> None:
    before = scene.job(zombie.job_id)
    assert scene.do(LATE[verb](zombie)) in (None, set(), 0)  # type: ignore[arg-type]
    assert scene.job(zombie.job_id) == before
    assert scene.do(steps.listed(scene.workspace, zombie.job_id)) == []


@pytest.mark.parametrize("verb", TOO_LATE)
def test_a_zombie_cannot_end_what_it_lost(scene: Scene, zombie: Fence, verb: str) -> None:
    before = scene.job(zombie.job_id)
    with pytest.raises(StaleAttempt, match=str(zombie.job_id)):
        scene.do(TOO_LATE[verb](zombie))  # type: ignore[arg-type]
    assert scene.job(zombie.job_id) == before


def test_a_zombie_cannot_complete_what_another_runs(scene: Scene) -> None:
    lost = scene.start()
    scene.do(workers.rescue([scene.worker]))
    again = scene.again(lost.job_id, worker=scene.new_worker())
    assert scene.complete(lost) == [lost]
    assert scene.job(lost.job_id).attempt_id == again.attempt_id
    assert scene.job(lost.job_id).status == "RUNNING"


def test_a_worker_hears_what_to_stop(scene: Scene) -> None:
    goes_on, cancelled, lost = scene.start(), scene.start(), scene.start(worker=scene.new_worker())
    scene.do(jobs.cancel(scene.workspace, cancelled.job_id, ME, "too dear"))
    scene.do(workers.rescue([lost.worker_id]))
    orders = {one.attempt_id: one for one in scene.do(attempts.orders([goes_on, cancelled, lost]))}
    assert goes_on.attempt_id not in orders
    told, dropped = orders[cancelled.attempt_id], orders[lost.attempt_id]
    assert (told.cancel, told.reason, told.own) == (True, "too dear", True)
    assert (dropped.cancel, dropped.own) == (False, False)


def test_a_claim_whose_answer_was_lost_is_found(scene: Scene) -> None:
    known, stray = scene.start(), scene.start()
    assert scene.do(attempts.strays(scene.worker, [known.attempt_id])) == [stray]


@pytest.mark.parametrize("waits", [{}, {"scheduled_at": "later"}], ids=["QUEUED", "PENDING"])
def test_what_waits_is_cancelled_at_once(scene: Scene, clock: Clock, waits: dict[str, object]) -> None:
    id = scene.enqueue(**({"scheduled_at": clock.now() + SOON} if waits else {}))
    assert scene.do(jobs.cancel(scene.workspace, id, ME, "wrong input")) is JobStatus.CANCELLED
    job = scene.job(id)
    assert (job.status, job.cancel_reason, job.completed_at) == ("CANCELLED", "wrong input", clock.now())
    clock.advance(SOON)
    assert (scene.claim(), scene.do(upkeep.stage()).moved) == ([], 0)


def test_what_runs_is_asked_to_stop_and_cancelled_by_its_worker(scene: Scene) -> None:
    fence = scene.start()
    step = scene.step(fence, "render")
    assert scene.do(jobs.cancel(scene.workspace, fence.job_id, ME, "enough")) is JobStatus.RUNNING
    assert scene.do(jobs.cancel(scene.workspace, fence.job_id, ME, "again")) is JobStatus.RUNNING
    with pytest.raises(StaleAttempt):
        scene.do(attempts.suspend(fence, "job.snoozed", WaitReason.SCHEDULE, SOON))
    assert scene.do(attempts.end_cancelled(fence, "stopped")).status is JobStatus.CANCELLED
    assert scene.job(fence.job_id).cancel_reason == "enough"
    assert [(one.id, one.status) for one in scene.do(steps.listed(scene.workspace, fence.job_id))] == [(step, "FAILED")]
    assert scene.told(fence.job_id)[-2:] == ["job.cancel_requested", "job.cancelled"]


def test_a_failure_while_it_is_to_be_cancelled_is_not_tried_again(scene: Scene) -> None:
    fence = scene.start()
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ME))
    assert scene.fail(fence, retry_in=SOON).status is JobStatus.FAILED


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED"])
def test_what_has_ended_cannot_be_cancelled(scene: Scene, end: str) -> None:
    id = ended(scene, end)
    with pytest.raises(Conflict, match=f"{id} has ended already: it is {end}"):
        scene.do(jobs.cancel(scene.workspace, id, ME))


def test_a_job_that_is_not_there_is_not_found(scene: Scene) -> None:
    nowhere = ids.new()
    verbs: tuple[Callable[..., Flow[Any]], ...] = (jobs.cancel, jobs.retry, jobs.start_now)
    for verb in verbs:
        with pytest.raises(NotFound, match=str(nowhere)):
            scene.do(verb(scene.workspace, nowhere, ME))
    with pytest.raises(NotFound, match=str(nowhere)):
        scene.do(jobs.update(scene.workspace, nowhere, jobs.Change(priority=3), ME))
    assert scene.do(jobs.get(scene.workspace, nowhere)) is None


@pytest.mark.parametrize("end", ["FAILED", "CANCELLED"])
def test_a_retry_is_a_new_generation_that_keeps_finished_steps(scene: Scene, end: str) -> None:
    fence = scene.start(max_attempts=1)
    kept, broken = scene.finished_step(fence, "fetch", '{"rows": 7}'), scene.step(fence, "render")
    if end == "FAILED":
        scene.fail(fence)
    else:
        scene.do(attempts.end_cancelled(fence, "stopped"))
    version = scene.job(fence.job_id).version
    assert scene.do(jobs.retry(scene.workspace, fence.job_id, ME)) == version + 1
    job = scene.job(fence.job_id)
    assert (job.status, job.generation, job.failure_count, job.error_code) == ("QUEUED", 2, 0, None)
    again = scene.again(fence.job_id)
    remembered = {one.key: one for one in scene.do(attempts.remembered(scene.workspace, fence.job_id))}
    assert (remembered["fetch"].status, remembered["fetch"].output) == ("COMPLETED", '{"rows": 7}')
    begin = steps.begin(again, ids.new(), "fetch", "fetch", Phase.EXECUTION, StepType.COMMAND)
    assert scene.do(begin) is False
    assert scene.step(again, "render") == broken
    assert [one.id for one in scene.do(steps.listed(scene.workspace, fence.job_id))] == [kept, broken]


@pytest.mark.parametrize("status", ["PENDING", "QUEUED", "RUNNING", "COMPLETED"])
def test_only_what_failed_or_was_cancelled_is_retried(scene: Scene, clock: Clock, status: str) -> None:
    match status:
        case "PENDING":
            id = scene.enqueue(scheduled_at=clock.now() + SOON)
        case "QUEUED":
            id = scene.enqueue()
        case "RUNNING":
            id = scene.start().job_id
        case _:
            id = ended(scene, status)
    with pytest.raises(IllegalMove, match=f"{id} is {status}"):
        scene.do(jobs.retry(scene.workspace, id, ME))


def test_progress_and_stage_are_seen_while_it_runs_and_forgotten_by_the_next_try(scene: Scene) -> None:
    fence = scene.start()
    assert scene.do(attempts.progress(fence, 40, "rendering")) == 3
    assert scene.do(attempts.progress(fence, None, None, note='{"frame": 7}')) == 4
    job = scene.job(fence.job_id)
    assert (job.progress, job.stage) == (40, "rendering")
    assert scene.events(fence.job_id)[-1].payload == {"frame": 7}
    scene.do(attempts.interrupt([fence]))
    scene.again(fence.job_id)
    job = scene.job(fence.job_id)
    assert (job.progress, job.stage) == (0, None)


def test_a_paused_queue_gives_nothing_until_it_is_resumed(scene: Scene) -> None:
    id, elsewhere = scene.enqueue(), scene.enqueue(queue="other")
    scene.do(queues.pause(scene.workspace, "default", ME, "provider is down"))
    assert scene.claim() == []
    assert [one.job_id for one in scene.claim(queue="other")] == [elsewhere]
    facts = scene.do(jobs.facts(scene.workspace, id))
    assert facts is not None and (facts.paused_by, facts.paused_reason) == ("me", "provider is down")
    scene.do(queues.resume(scene.workspace, "default", ME))
    assert [one.job_id for one in scene.claim()] == [id]
    with pytest.raises(Conflict, match="not paused"):
        scene.do(queues.resume(scene.workspace, "default", ME))


def ended(scene: Scene, status: str) -> UUID:
    fence = scene.start()
    match status:
        case "COMPLETED":
            scene.complete(fence)
        case "FAILED":
            scene.fail(fence)
        case "CANCELLED":
            scene.do(attempts.end_cancelled(fence, "stopped"))
    return fence.job_id
