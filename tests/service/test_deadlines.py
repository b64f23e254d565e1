"""When its time to be cancelled comes, a job that waits is cancelled, whatever it waits for, and one that runs is stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock
from scene import ME, WORKSPACE, Scene, ids, new_job

from jobtrail.core.breaker import BreakerMode
from jobtrail.core.status import RUNNER_WAITS, WaitReason
from jobtrail.service import attempts, breakers, gates, jobs, upkeep

SOON = timedelta(minutes=10)


def suspended(reason: WaitReason, delay: timedelta | None) -> Callable[[Scene, UUID], None]:
    """A job whose runner said what it waits for."""

    def wait(scene: Scene, id: UUID) -> None:
        scene.do(attempts.suspend(scene.again(id), "job.waiting", reason, delay, '{"message": "m"}'))

    return wait


def at_a_gate(scene: Scene, id: UUID) -> None:
    scene.ask(scene.again(id))


def tried_again(scene: Scene, id: UUID) -> None:
    scene.fail(scene.again(id), retry_in=SOON * 2)


def nothing(_scene: Scene, _id: UUID) -> None:
    """It waits from the beginning."""


WAITS: dict[str, tuple[dict[str, Any], Callable[[Scene, UUID], None]]] = {
    "RETRY": ({}, tried_again),
    "GATE": ({}, at_a_gate),
    "VALIDATION": ({"checked": True}, nothing),
    **{reason.value: ({}, suspended(reason, None)) for reason in RUNNER_WAITS},
}


@pytest.mark.parametrize("reason", sorted(WAITS))
def test_what_waits_is_cancelled_at_its_deadline_whatever_it_waits_for(scene: Scene, clock: Clock, reason: str) -> None:
    options, wait = WAITS[reason]
    id = scene.enqueue(expires_seconds=SOON.total_seconds(), **options)
    wait(scene, id)
    assert (scene.job(id).status, scene.job(id).wait_reason) == ("PENDING", reason)
    clock.advance(SOON - timedelta(milliseconds=1))
    assert scene.do(upkeep.stage()).moved == 0
    clock.advance(timedelta(milliseconds=1))
    assert scene.do(upkeep.stage()).moved == 1
    job = scene.job(id)
    assert (job.status, job.cancel_reason) == ("CANCELLED", "its time to be cancelled came")
    assert scene.do(gates.listed(WORKSPACE, waiting=True)) == []
    clock.advance(SOON * 10)
    assert (scene.do(upkeep.stage()).moved, scene.claim(9)) == (0, [])


def test_a_job_that_waits_for_another_is_cancelled_at_its_deadline(scene: Scene, clock: Clock) -> None:
    first = new_job()
    waiting = new_job(expires_seconds=SOON.total_seconds())._replace(after=(first.id,))
    scene.do(jobs.enqueue(WORKSPACE, [first, waiting], ME))
    assert scene.job(waiting.id).wait_reason == "DEPENDENCY"
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert (scene.job(waiting.id).status, scene.job(first.id).status) == ("CANCELLED", "QUEUED")


def test_a_deadline_may_be_put_off_and_brought_forward(scene: Scene, clock: Clock) -> None:
    late, soon = scene.enqueue(expires_seconds=600.0), scene.enqueue()
    scene.do(jobs.update(WORKSPACE, late, jobs.Change(cancel_at=clock.now() + SOON * 2), ME))
    scene.do(jobs.update(WORKSPACE, soon, jobs.Change(cancel_at=clock.now() + SOON / 2), ME))
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert (scene.job(late).status, scene.job(soon).status) == ("QUEUED", "CANCELLED")
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert scene.job(late).status == "CANCELLED"


def test_time_behind_an_open_breaker_counts_as_time_in_the_queue_and_other_waits_do_not(
    scene: Scene, clock: Clock
) -> None:
    scene.do(breakers.put(WORKSPACE, "down", BreakerMode.OPEN, ME, ids.new()))
    held = scene.enqueue(type="down", queue_timeout_seconds=600.0)
    later = scene.enqueue(scheduled_at=clock.now() + SOON * 2, queue_timeout_seconds=600.0)
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert (scene.job(held).error_code, scene.job(later).status) == ("queue_timeout", "PENDING")
