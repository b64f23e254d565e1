"""Gates that people decide: the job waits without a slot, enough of the right people let it go on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from database import Clock
from scene import Scene, ids

from jobtrail.core.errors import Conflict, Denied, NotFound, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, GateStatus
from jobtrail.service import attempts, gates, jobs, upkeep

ANN, BOB, EVE = (Actor(ActorType.USER, name) for name in ("ann", "bob", "eve"))
HOUR = timedelta(hours=1)


def decide(scene: Scene, gate: UUID, actor: Actor = ANN, *, approve: bool = True) -> GateStatus:
    return scene.do(gates.decide(scene.workspace, gate, actor, approve=approve, comment="seen", form='{"n": 1}'))


@pytest.fixture
def fence(scene: Scene) -> Fence:
    return scene.start()


def test_a_job_waits_for_people_without_a_slot(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, expires=HOUR)
    job, (waiting,) = scene.job(fence.job_id), scene.do(gates.listed(scene.workspace))
    assert (job.status, job.wait_reason, scene.attempts(job.id)[0].status) == ("PENDING", "GATE", "INTERRUPTED")
    assert (waiting.id, waiting.job_id, waiting.status) == (gate, job.id, "WAITING")
    facts = scene.do(jobs.facts(scene.workspace, job.id))
    assert facts is not None and facts.question == "publish? May it?"
    assert scene.told(job.id)[-1] == "gate.requested"


@pytest.mark.parametrize("approve", [True, False])
def test_a_decision_lets_the_job_go_on_and_is_remembered(scene: Scene, fence: Fence, approve: bool) -> None:
    gate = scene.ask(fence)
    wanted = GateStatus.APPROVED if approve else GateStatus.REJECTED
    assert decide(scene, gate, approve=approve) is wanted
    scene.again(fence.job_id)
    (remembered,) = scene.do(attempts.remembered(scene.workspace, fence.job_id))
    assert (remembered.key, remembered.gate_status) == ("publish?", wanted)
    assert '"ann"' in (remembered.decisions or "")
    event = scene.events(fence.job_id)[-2]
    assert (event.type, event.actor_id) == ("gate.approved" if approve else "gate.rejected", "ann")
    assert event.payload["comment"] == "seen" and event.payload["form"] == {"n": 1}
    assert scene.do(gates.listed(scene.workspace)) == []


def test_it_takes_as_many_approvals_as_were_asked_for(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, needed=3)
    assert decide(scene, gate, ANN) is GateStatus.WAITING
    with pytest.raises(Conflict, match="you have decided it already"):
        decide(scene, gate, ANN)
    assert decide(scene, gate, BOB) is GateStatus.WAITING
    assert scene.job(fence.job_id).status == "PENDING"
    assert decide(scene, gate, EVE) is GateStatus.APPROVED
    assert scene.told(fence.job_id)[-3:] == ["gate.approved"] * 3
    assert scene.job(fence.job_id).status == "QUEUED"


def test_one_rejection_is_enough(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, needed=3)
    decide(scene, gate, ANN)
    assert decide(scene, gate, BOB, approve=False) is GateStatus.REJECTED
    with pytest.raises(Conflict, match="it is REJECTED already"):
        decide(scene, gate, EVE)


def test_only_approvers_decide(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, approvers=("ann", "bob"))
    for approve in (True, False):
        with pytest.raises(Denied, match=f"eve is not among the approvers of gate {gate}"):
            decide(scene, gate, EVE, approve=approve)
    assert decide(scene, gate, BOB) is GateStatus.APPROVED


def test_a_gate_of_nobody_is_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound):
        decide(scene, ids.new())


def test_a_gate_expires_and_its_job_goes_on(scene: Scene, fence: Fence, clock: Clock) -> None:
    gate = scene.ask(fence, expires=HOUR)
    clock.advance(HOUR - timedelta(microseconds=1))
    assert scene.do(gates.expire()) == (0, [])
    clock.advance(timedelta(microseconds=1))
    assert scene.do(gates.expire()) == (1, ["default"])
    with pytest.raises(Conflict, match="it is EXPIRED already"):
        decide(scene, gate)
    scene.again(fence.job_id)
    assert scene.do(attempts.remembered(scene.workspace, fence.job_id))[0].gate_status == "EXPIRED"
    assert scene.do(gates.expire()) == (0, [])


def test_a_decided_gate_does_not_expire(scene: Scene, fence: Fence, clock: Clock) -> None:
    gate = scene.ask(fence, expires=HOUR)
    decide(scene, gate)
    clock.advance(HOUR)
    assert scene.do(gates.expire()) == (0, [])
    assert scene.told(fence.job_id)[-1] == "gate.approved"


@pytest.mark.parametrize("by", ["an actor", "its time"])
def test_a_gate_of_a_cancelled_job_waits_for_nobody(scene: Scene, clock: Clock, by: str) -> None:
    fence = scene.start(cancel_at=clock.now() + HOUR)
    gate = scene.ask(fence)
    if by == "an actor":
        scene.do(jobs.cancel(scene.workspace, fence.job_id, ANN))
    clock.advance(HOUR)
    scene.do(upkeep.stage())
    assert scene.job(fence.job_id).status == "CANCELLED"
    assert scene.do(gates.listed(scene.workspace)) == []
    with pytest.raises(Conflict, match="it is EXPIRED already"):
        decide(scene, gate)


def test_a_gate_is_not_passed_by_a_timer(scene: Scene, fence: Fence, clock: Clock) -> None:
    scene.ask(fence)
    change = jobs.Change(scheduled_at=clock.now() + HOUR)
    scene.do(jobs.update(scene.workspace, fence.job_id, change, ANN))
    clock.advance(HOUR)
    scene.do(upkeep.stage())
    assert (scene.job(fence.job_id).status, scene.job(fence.job_id).wait_reason) == ("PENDING", "GATE")


def test_asking_a_waiting_gate_again_is_the_same_gate(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence)
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ANN))
    assert [one.id for one in scene.do(gates.listed(scene.workspace, waiting=False))] == [gate]


@pytest.mark.parametrize("decision", [True, False])
def test_asking_what_was_decided_is_refused_and_the_job_does_not_wait_for_ever(
    scene: Scene, fence: Fence, decision: bool
) -> None:
    gate = scene.ask(fence)
    decide(scene, gate, approve=decision)
    again = scene.again(fence.job_id)
    with pytest.raises(Conflict, match=f"gate {gate} of job {fence.job_id} is .* already"):
        scene.ask(again)
    assert scene.job(fence.job_id).status == "RUNNING"
    assert scene.complete(again) == []


def test_what_is_to_be_cancelled_may_not_ask(scene: Scene, fence: Fence) -> None:
    scene.do(jobs.cancel(scene.workspace, fence.job_id, ANN))
    with pytest.raises(StaleAttempt):
        scene.ask(fence)
