"""A job as it was: after its last event it is its row, and at each event it is what the events up to it left."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from random import Random

import pytest
from audit.history import LIVES
from database import Clock
from scene import ME, Scene

from jobtrail.core import fold, past
from jobtrail.core.model import Job
from jobtrail.core.past import Known, as_of
from jobtrail.core.status import Phase, StepStatus, StepType, WaitReason
from jobtrail.service import assets, attempts, audit, gates, jobs, steps, usage

ROUNDED = (
    "actual_seconds",
    "estimated_seconds",
    "progress",
    "timeout_seconds",
    "idle_timeout_seconds",
    "queue_timeout_seconds",
)
"""Columns of four bytes, of which the trail knows more digits."""


def known(scene: Scene, job: Job) -> Known:
    workspace = scene.workspace
    there = scene.do(steps.listed(workspace, job.id))
    asked = scene.do(gates.listed(workspace, waiting=False, job_id=job.id))
    used = scene.do(usage.listed(workspace, job.id))
    files = scene.do(assets.listed(workspace, job.id))
    result = scene.do(jobs.result(workspace, job.id))
    return Known(job=job, events=scene.events(job.id), attempts=scene.attempts(job.id), steps=there, gates=asked, usage=used,
                 assets=files, result=result)  # fmt: skip


def same(found: Job, wanted: Job) -> None:
    for field in fields(Job):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if field.name in ROUNDED and one is not None and other is not None:
            assert one == pytest.approx(other, rel=1e-6), field.name
        else:
            assert one == other, field.name


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_a_job_of_each_life_is_its_row_after_its_last_event_and_its_events_before(scene: Scene, life: object) -> None:
    life(scene, Random(3), "q")  # type: ignore[operator]
    found = scene.conn.execute("select id from jobtrail.jobs where workspace_id = %s", (scene.workspace,)).fetchall()
    for (id,) in found:
        now = known(scene, scene.job(id))
        (lines,) = [one for one in scene.do(audit.job_lines((audit._LOWEST, audit._LOWEST), (scene.workspace,) * 2, 50))
                    if one.job_id == str(id)]  # fmt: skip
        last = as_of(now, now.events[-1].at + timedelta(days=1))
        same(last.known.job, now.job)
        assert (last.known.steps, last.known.gates, last.known.usage) == (now.steps, now.gates, now.usage)
        assert (last.known.assets, last.known.result) == (now.assets, now.result)
        assert [one.status for one in last.known.attempts] == [one.status for one in now.attempts]
        for event in now.events:
            then = as_of(now, event.at)
            trail = [link for link in sorted(lines.trail, key=lambda one: one.seq) if link.seq <= then.seq]
            assert then.seq == max(one.seq for one in now.events if one.at <= event.at)
            holds(then, fold.fold(trail))


def holds(then: past.Past, folded: fold.Folded) -> None:
    """What the audit's own links left behind is what is shown of that time."""
    job, row = then.known.job, folded.row
    for name in ("status", "wait_reason", "stage", "progress", "priority", "title", "tags", "version", "generation",
                 "attempt_count", "failure_count", "loss_count", "error_code", "error_message", "cancel_reason"):  # fmt: skip
        assert getattr(job, name) == row[name], name
    for name in ("queued_at", "started_at", "completed_at", "scheduled_at", "cancel_requested_at", "updated_at"):
        at = getattr(job, name)
        assert (None if at is None else fold.since_epoch(at)) == row[name], name
    assert job.attempt_count == len(then.known.attempts)
    assert sum(one.ended_at is None for one in then.known.attempts) == (job.status == "RUNNING")
    there = {str(step.id): step for step in then.known.steps}
    assert set(there) == set(folded.steps)
    for id, said in folded.steps.items():
        assert there[id].status in ((said.status,) if said.status else ("RUNNING", "FAILED")), there[id].name
    assert {str(one.id) for one in then.known.assets} == set(folded.assets)
    assert then.has_result == (job.generation in folded.results)
    assert sum(gate.status == "WAITING" for gate in then.known.gates) == (job.wait_reason == "GATE")
    assert past.sentence(then).endswith(".")


def test_a_step_that_ran_again_is_what_it_was_the_first_time(scene: Scene, clock: Clock) -> None:
    fence = scene.start(max_attempts=3)
    clock.advance(timedelta(seconds=1))
    step = scene.step(fence, "half")
    clock.advance(timedelta(seconds=1))
    scene.do(steps.finish(fence, step, StepStatus.FAILED, error="no"))
    clock.advance(timedelta(seconds=1))
    scene.fail(fence, retry_in=timedelta(0))
    clock.advance(timedelta(seconds=1))
    scene.do(jobs.start_now(scene.workspace, fence.job_id, ME))
    fence = scene.again(fence.job_id)
    assert scene.do(steps.begin(fence, step, "half", "half", Phase.EXECUTION, StepType.COMMAND)) == step
    clock.advance(timedelta(seconds=1))
    scene.do(steps.finish(fence, step, StepStatus.COMPLETED, output="1"))
    scene.complete(fence)
    now = known(scene, scene.job(fence.job_id))
    told = {event.type: event.at for event in now.events if event.type.startswith("step.")}
    (before,) = as_of(now, told["step.failed"]).known.steps
    assert (before.status, before.output, before.error_message, before.completed_at) == (
        "FAILED",
        None,
        "no",
        told["step.failed"],
    )
    (running,) = as_of(now, now.events[1].at + timedelta(seconds=1)).known.steps
    assert (running.status, running.completed_at) == ("RUNNING", None)
    (after,) = as_of(now, told["step.completed"]).known.steps
    assert (after.status, after.output) == ("COMPLETED", 1)


def test_before_its_first_event_a_job_is_as_at_its_first(scene: Scene) -> None:
    id = scene.enqueue()
    now = known(scene, scene.job(id))
    then = as_of(now, now.job.created_at - timedelta(days=1))
    assert (then.at, then.seq, then.known.job) == (now.job.created_at, 1, now.job)


def test_of_a_job_without_events_nothing_is_known(scene: Scene) -> None:
    job = scene.job(scene.enqueue())
    with pytest.raises(ValueError, match="no events left"):
        as_of(Known(job=job, events=[]), job.created_at)


def test_when_the_first_days_of_a_trail_are_gone_the_rest_still_tells(scene: Scene) -> None:
    fence = scene.start(title="kept")
    scene.do(attempts.progress(fence, 40, "rendering"))
    scene.complete(fence)
    now = known(scene, scene.job(fence.job_id))
    then = as_of(Known(job=now.job, events=now.events[2:], attempts=now.attempts), now.events[2].at)
    assert (then.known.job.status, then.known.job.progress, then.known.job.title) == ("RUNNING", 40, "kept")


def test_the_sentence_says_where_it_stood(scene: Scene) -> None:
    fence = scene.start()
    scene.do(attempts.suspend(fence, "job.waiting", WaitReason.SIGNAL, timedelta(hours=1)))
    now = known(scene, scene.job(fence.job_id))
    said = [past.sentence(as_of(now, event.at), "w-1") for event in now.events]
    assert said == [
        "It was ready and waited in queue default.", "It ran on worker w-1, in attempt 1.", "It waited for a signal.",
    ]  # fmt: skip
