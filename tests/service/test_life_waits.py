"""What a runner lets its job wait for, what it tells meanwhile, what it has used so far, and what its workspace allows it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from database import Clock
from scene import ME, WORKSPACE, Scene, ids

from jobtrail.core.errors import IllegalMove, Invalid, NotFound, StaleAttempt, TooLarge
from jobtrail.core.fence import Fence, Used
from jobtrail.core.outcome import Wait
from jobtrail.core.status import RUNNER_WAITS, STARTABLE, TOLD, JobStatus, StepType, WaitReason, allowed_actions
from jobtrail.core.why import sentence
from jobtrail.service import administration, attempts, audit, jobs, trail, upkeep, usage, workers, workspaces
from jobtrail.service.usage import Call

SOON = timedelta(minutes=5)
NOTE = trail.note_of({"message": "limit reached", "kind": "session"})


def waits(scene: Scene, reason: WaitReason, delay: timedelta | None = SOON) -> Fence:
    fence = scene.start()
    scene.do(attempts.suspend(fence, "job.waiting", reason, delay, NOTE, Used(1.5, 10, 20, 3)))
    return fence


@pytest.mark.parametrize("reason", sorted(RUNNER_WAITS - {WaitReason.DEPENDENCY}))
def test_a_job_that_waits_holds_no_slot_and_uses_no_try_and_runs_again(
    scene: Scene, clock: Clock, reason: WaitReason
) -> None:
    fence = waits(scene, reason)
    job, (attempt,) = scene.job(fence.job_id), scene.attempts(fence.job_id)
    assert (job.status, job.wait_reason, job.failure_count, job.scheduled_at) == (
        "PENDING", reason, 0, clock.now() + SOON,
    )  # fmt: skip
    assert (attempt.status, attempt.error_code, attempt.error_message) == (
        "INTERRUPTED", reason.lower(), "limit reached",
    )  # fmt: skip
    assert (attempt.cpu_seconds, attempt.exit_code) == (1.5, 3)
    event = scene.events(fence.job_id)[-1]
    assert event.type == "job.waiting"
    assert event.payload["message"] == "limit reached" and event.payload["kind"] == "session"
    assert scene.claim() == []
    clock.advance(SOON)
    scene.do(upkeep.stage())
    assert scene.again(fence.job_id).attempt_id != fence.attempt_id


@pytest.mark.parametrize("reason", sorted(RUNNER_WAITS))
def test_why_repeats_what_the_runner_said_also_after_a_change(scene: Scene, reason: WaitReason) -> None:
    fence = waits(scene, reason)
    for _ in range(2):
        facts = scene.do(jobs.facts(WORKSPACE, fence.job_id))
        assert facts is not None
        assert "(limit reached)" in sentence(facts) and "5 min" in sentence(facts)
        scene.do(jobs.update(WORKSPACE, fence.job_id, jobs.Change(title="other"), ME))


@pytest.mark.parametrize("reason", sorted(RUNNER_WAITS))
def test_what_waits_for_money_can_be_started_and_nothing_else(scene: Scene, reason: WaitReason) -> None:
    fence = waits(scene, reason, None)
    may = "start_now" in allowed_actions(JobStatus.PENDING, reason)
    assert may == (reason in STARTABLE)
    if may:
        scene.do(jobs.start_now(WORKSPACE, fence.job_id, ME))
        scene.again(fence.job_id)
    else:
        with pytest.raises(IllegalMove):
            scene.do(jobs.start_now(WORKSPACE, fence.job_id, ME))


def test_a_job_that_is_to_be_cancelled_does_not_wait(scene: Scene) -> None:
    fence = scene.start()
    scene.do(jobs.cancel(WORKSPACE, fence.job_id, ME))
    with pytest.raises(StaleAttempt):
        scene.do(attempts.suspend(fence, "job.waiting", WaitReason.QUOTA, SOON, NOTE))
    assert scene.job(fence.job_id).status == "RUNNING"


@pytest.mark.parametrize("reason", sorted(set(WaitReason) - RUNNER_WAITS))
def test_a_runner_cannot_say_that_its_job_waits_for_what_only_verbs_know(reason: WaitReason) -> None:
    with pytest.raises(ValueError, match=reason):
        Wait(reason, "5m", "no")


@pytest.mark.parametrize("event", sorted(TOLD))
def test_what_a_runner_tells_stands_in_the_trail_also_when_it_tells_the_same_twice(scene: Scene, event: str) -> None:
    fence = scene.start()
    step = scene.step(fence, "s")
    for _ in range(2):
        assert scene.do(trail.tell(fence, event, trail.note_of({"name": "x", "n": 1}, event), step)) is not None
    told = [one for one in scene.events(fence.job_id) if one.type == event]
    assert [(one.payload["name"], one.payload["n"], one.step_id) for one in told] == [("x", 1, step)] * 2
    scene.complete(fence)
    assert scene.do(audit.verify([])).findings == ()


def test_a_told_gate_is_not_the_end_of_the_step_in_which_it_is_told(scene: Scene) -> None:
    fence = scene.start()
    gate, action = scene.step(fence, "g", type=StepType.GATE), scene.step(fence, "a", type=StepType.AI_ACTION)
    for event, step in (("gate.failed", gate), ("gate.passed", action), ("gate.started", None)):
        scene.do(trail.tell(fence, event, trail.note_of({"name": "tests", "key": "g"}, event), step))
    assert scene.do(audit.verify([])).findings == ()
    scene.complete(fence)
    assert scene.do(audit.verify([])).findings == ()


def test_only_what_a_runner_may_tell_is_told(scene: Scene) -> None:
    fence = scene.start()
    before = scene.told(fence.job_id)
    for event in ("job.completed", "step.completed", "artifact.created", "ai.tokens_used", "gate.approved", "hello"):
        with pytest.raises(Invalid):
            scene.do(trail.tell(fence, event, "{}"))
    assert scene.told(fence.job_id) == before


def test_a_note_that_is_too_long_is_cut_and_one_that_cannot_be_stored_is_cleaned(scene: Scene) -> None:
    fence = scene.start()
    for note in ({"text": "x" * 100_000}, {"text": "a\x00b\ud800", "n": float("nan")}):
        scene.do(trail.tell(fence, "ai.tool_called", trail.note_of(note)))
    long, poisoned = (event.payload for event in scene.events(fence.job_id)[-2:])
    assert len(long["cut"]) < trail.NOTE_BYTES and long["cut"].startswith('{"text":"xxx')
    assert poisoned["text"] == "a\ufffdb\ufffd"


def test_a_zombie_can_neither_tell_nor_say_who_it_is(scene: Scene, clock: Clock) -> None:
    fence = scene.start()
    clock.advance(minutes=1)
    scene.do(workers.rescue())
    assert scene.do(trail.tell(fence, "ai.tool_called", "{}")) is None
    assert scene.do(attempts.identify(fence, process_id=7, session_id="s")) is None
    heir = scene.again(fence.job_id, worker=scene.new_worker())
    assert scene.do(attempts.identify(fence, session_id="zombie")) is None
    assert scene.do(attempts.identify(heir, session_id="heir")) == heir.attempt_id
    assert [one.session_id for one in scene.attempts(fence.job_id)] == [None, "heir"]
    assert "ai.tool_called" not in scene.told(fence.job_id)


def test_who_an_attempt_is_can_be_said_in_parts(scene: Scene) -> None:
    fence = scene.start()
    scene.do(attempts.identify(fence, process_id=7))
    scene.do(attempts.identify(fence, session_id="s1"))
    scene.do(attempts.identify(fence, session_id="s2"))
    (attempt,) = scene.attempts(fence.job_id)
    assert (attempt.process_id, attempt.session_id) == (7, "s2")


def test_a_job_knows_what_it_has_used_so_far(scene: Scene, clock: Clock) -> None:
    fence = scene.start()
    nothing = scene.do(attempts.earlier(WORKSPACE, fence.job_id, fence.attempt_id))
    assert nothing == attempts.Earlier(None, 0.0, 0, 0, 0, None, 0)
    scene.do(attempts.identify(fence, session_id="first"))
    scene.do(usage.book(fence, 1, Call(provider="p", model="m", input_tokens=10, output_tokens=3, cached_tokens=2)))
    clock.advance(seconds=8)
    scene.do(attempts.suspend(fence, "job.waiting", WaitReason.QUOTA, timedelta(0), NOTE))
    scene.do(upkeep.stage())
    again = scene.again(fence.job_id)
    scene.do(usage.book(again, 1, Call(provider="p", model="m", input_tokens=5, cost_usd=Decimal("0.25"))))
    scene.do(usage.book(again, 2, Call(provider="p", model="m", cost_usd=Decimal("0.50"))))
    clock.advance(seconds=100)
    used = scene.do(attempts.earlier(WORKSPACE, fence.job_id, again.attempt_id))
    assert used == attempts.Earlier("first", 8.0, 15, 3, 2, Decimal("0.75"), 1)
    other = scene.start()
    assert scene.do(attempts.earlier(WORKSPACE, other.job_id, other.attempt_id)) == nothing


def test_a_policy_is_set_and_recorded_with_what_it_was(scene: Scene) -> None:
    assert scene.do(workspaces.policy(WORKSPACE)) == {}
    first, second = {"http": {"hosts": ["a.example"]}}, {"nexrender": {"allow_scripts": False}}
    for wanted in (first, first, second):
        assert scene.do(workspaces.set_policy(WORKSPACE, wanted, ME)) == wanted
    assert scene.do(workspaces.policy(WORKSPACE)) == second
    told = [line for line in scene.do(administration.listed(WORKSPACE)) if line.type == "workspace.policy_changed"]
    assert [line.payload for line in told] == [{"policy": second, "was": first}, {"policy": first, "was": {}}]
    assert scene.do(administration.breaks(WORKSPACE)) == []


def test_what_is_no_policy_is_refused(scene: Scene) -> None:
    for wrong in ({"http": ["a"]}, {"http": None}, {"http": {"x": "y" * 70_000}}, {"http": {"x": float("nan")}}):
        with pytest.raises((Invalid, TooLarge)):
            scene.do(workspaces.set_policy(WORKSPACE, wrong, ME))
    assert scene.do(workspaces.policy(WORKSPACE)) == {}
    assert scene.do(workspaces.policy(uuid4())) is None
    with pytest.raises(NotFound):
        scene.do(workspaces.set_policy(ids.new(), {}, ME))
