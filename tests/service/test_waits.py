"""A job that sleeps or listens holds no slot, wakes once, and keeps to the time that was first said."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.errors import IllegalMove, Invalid, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.ids import short
from jobtrail.core.status import Phase
from jobtrail.core.why import sentence
from jobtrail.service import attempts, audit, jobs, signals, upkeep, waits
from jobtrail.service.waits import Stand, Wanted

DAY = timedelta(days=1)


@pytest.fixture
def fence(scene: Scene) -> Fence:
    return scene.start()


def wait(scene: Scene, fence: Fence, key: str = "sleep", **wanted: Any) -> Stand:
    return scene.do(waits.begin(fence, ids.new(), key, key, Phase.EXECUTION, Wanted(**wanted)))


def nap(scene: Scene, fence: Fence, key: str = "sleep") -> Stand:
    return wait(scene, fence, key, seconds=DAY.total_seconds())


def hear(scene: Scene, fence: Fence, seconds: float | None = None, name: str = "payment") -> Stand:
    return wait(scene, fence, f"signal {name}", signal=name, seconds=seconds)


def say(scene: Scene, id: UUID, payload: bytes = b'{"n": 1}', name: str = "payment") -> None:
    scene.do(signals.signal(WORKSPACE, id, name, payload, ME))


def why(scene: Scene, id: UUID) -> str:
    facts = scene.do(jobs.facts(WORKSPACE, id))
    assert facts is not None
    return sentence(facts)


def test_a_job_sleeps_without_a_slot_and_wakes_at_its_time(scene: Scene, fence: Fence, clock: Clock) -> None:
    now = clock.freeze()
    assert nap(scene, fence).output is None
    job = scene.job(fence.job_id)
    assert (job.status, job.wait_reason, job.scheduled_at) == ("PENDING", "SCHEDULE", now + DAY)
    assert scene.attempts(job.id)[0].status == "INTERRUPTED" and job.failure_count == 0
    assert "in 24 h" in why(scene, job.id) and "it sleeps in step sleep" in why(scene, job.id)
    clock.advance(DAY - timedelta(microseconds=1))
    scene.do(upkeep.stage())
    assert scene.job(job.id).status == "PENDING"
    clock.advance(timedelta(microseconds=1))
    scene.do(upkeep.stage())
    again = scene.again(job.id)
    assert nap(scene, again).output == "null"
    assert nap(scene, again).output == "null", "and is remembered"
    assert scene.told(job.id)[2:] == ["step.started", "job.waiting", "job.queued", "job.started", "step.completed"]
    assert scene.do(audit.verify_job(WORKSPACE, job.id)).findings == ()


@pytest.mark.parametrize("until", [datetime(2020, 1, 1, tzinfo=UTC), None])
def test_a_time_that_is_over_is_no_wait(scene: Scene, fence: Fence, until: datetime | None) -> None:
    stand = wait(scene, fence, until=until) if until else wait(scene, fence, seconds=0)
    assert stand.output == "null"
    assert scene.job(fence.job_id).status == "RUNNING"


def test_a_short_sleep_keeps_its_slot(scene: Scene, fence: Fence, clock: Clock) -> None:
    clock.freeze()
    stand = wait(scene, fence, seconds=1.5)
    assert (stand.output, stand.seconds) == (None, 1.5)
    assert scene.job(fence.job_id).status == "RUNNING"


def test_a_crash_does_not_begin_the_time_anew(scene: Scene, fence: Fence, clock: Clock) -> None:
    """The worker dies while it waits in its slot; what was said first counts."""
    now = clock.freeze()
    assert wait(scene, fence, seconds=2).seconds == 2
    scene.fail(fence, retry_in=timedelta(0))
    clock.advance(seconds=0.5)
    scene.do(upkeep.stage())
    assert wait(scene, scene.again(fence.job_id), seconds=2).seconds == pytest.approx(1.5)
    assert clock.now() == now + timedelta(seconds=0.5)


def test_an_actor_may_end_a_sleep_early(scene: Scene, fence: Fence, clock: Clock) -> None:
    clock.freeze()
    nap(scene, fence)
    scene.do(jobs.start_now(WORKSPACE, fence.job_id, ME))
    again = scene.again(fence.job_id)
    assert nap(scene, again).output == "null"
    assert nap(scene, again, "sleep#2").output is None, "the next sleep is one of its own"


def test_a_cancelled_sleeper_that_is_retried_sleeps_on(scene: Scene, fence: Fence, clock: Clock) -> None:
    now = clock.freeze()
    nap(scene, fence)
    scene.do(jobs.cancel(WORKSPACE, fence.job_id, ME))
    clock.advance(hours=1)
    scene.do(jobs.retry(WORKSPACE, fence.job_id, ME))
    assert nap(scene, scene.again(fence.job_id)).output is None
    assert scene.job(fence.job_id).scheduled_at == now + DAY


def test_an_attempt_that_was_lost_after_it_woke_does_not_sleep_again(scene: Scene, fence: Fence, clock: Clock) -> None:
    clock.freeze()
    nap(scene, fence)
    scene.do(jobs.start_now(WORKSPACE, fence.job_id, ME))
    scene.do(attempts.interrupt([scene.again(fence.job_id)]))
    assert nap(scene, scene.again(fence.job_id)).output == "null"


def test_what_is_to_be_cancelled_does_not_wait(scene: Scene, fence: Fence) -> None:
    scene.do(jobs.cancel(WORKSPACE, fence.job_id, ME))
    assert nap(scene, fence).stop and hear(scene, fence).stop
    assert scene.job(fence.job_id).status == "RUNNING"


def test_a_zombie_begins_no_wait(scene: Scene, fence: Fence) -> None:
    scene.complete(fence)
    with pytest.raises(StaleAttempt):
        nap(scene, fence)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"seconds": 11 * 366 * 86_400.0}, "seconds"),
        ({"until": datetime(2030, 1, 1)}, "until"),  # noqa: DTZ001  (that is what is wrong with it)
    ],
)
def test_a_wait_without_an_end_is_refused(scene: Scene, fence: Fence, wanted: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        wait(scene, fence, **wanted)
    assert list(caught.value.fields) == [field]


def test_a_job_hears_what_it_waits_for(scene: Scene, fence: Fence) -> None:
    assert hear(scene, fence, DAY.total_seconds()).output is None
    job = scene.job(fence.job_id)
    assert (job.status, job.wait_reason) == ("PENDING", "SIGNAL")
    assert f"`jobtrail job signal {short(job.id)} payment`" in why(scene, job.id)
    with pytest.raises(IllegalMove):
        scene.do(jobs.start_now(WORKSPACE, job.id, ME))
    say(scene, job.id)
    told = json.loads(hear(scene, scene.again(job.id)).output or "")
    assert (told["payload"], told["by"]) == ({"n": 1}, "user:me")
    assert not waits.is_over(json.dumps(told))


def test_what_came_early_is_heard_without_a_wait(scene: Scene, fence: Fence) -> None:
    say(scene, fence.job_id, b'{"timed_out": true}')
    output = hear(scene, fence).output
    assert json.loads(output or "")["payload"] == {"timed_out": True} and not waits.is_over(output)
    assert scene.job(fence.job_id).status == "RUNNING"


def test_several_names_are_heard_one_after_the_other(scene: Scene, fence: Fence) -> None:
    hear(scene, fence)
    say(scene, fence.job_id, name="payment#2")
    assert scene.job(fence.job_id).status == "PENDING", "it is not this one that it waits for"
    say(scene, fence.job_id)
    again = scene.again(fence.job_id)
    assert hear(scene, again).output and hear(scene, again, name="payment#2").output
    assert hear(scene, again, name="address").output is None
    say(scene, fence.job_id, name="address")
    assert hear(scene, scene.again(fence.job_id), name="address").output


def test_a_signal_that_does_not_come_in_time_is_told_until_an_actor_retries(
    scene: Scene, fence: Fence, clock: Clock
) -> None:
    clock.freeze()
    assert hear(scene, fence, DAY.total_seconds()).output is None
    clock.advance(DAY)
    scene.do(upkeep.stage())
    again = scene.again(fence.job_id)
    output = hear(scene, again, DAY.total_seconds()).output
    assert waits.is_over(output)
    say(scene, fence.job_id)
    assert hear(scene, again).output == output, "a late one does not change what the code was told"
    known = {one.key: one for one in scene.do(attempts.remembered(WORKSPACE, fence.job_id))}
    assert waits.key_of("signal payment", 1, known) == "signal payment"
    assert waits.key_of("signal payment", 2, known) == "signal payment@2"
