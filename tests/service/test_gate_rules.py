"""Who may decide at a gate, how many must, what a rejection, a silence and a second thought come to."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock
from scene import ME, TYPE, WORKSPACE, Scene, ids, new_job
from service.people import OTHER, key, other, person

from jobtrail.core.approval import OnExpire, Rejections, Rules
from jobtrail.core.errors import Conflict, Denied, Invalid, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.schedules import NewSchedule, ScheduleChange
from jobtrail.core.scopes import ApiScope, Role
from jobtrail.core.status import ActorType, GateStatus
from jobtrail.runners.decisions import decided, gate_key
from jobtrail.service import attempts, audit, gates, groups, jobs, memberships, schedules, ticking
from jobtrail.store.db import Scope, run
from jobtrail.store.identity import new_ids

ANN, BOB, EVE = (Actor(ActorType.USER, f"{name}@example.org") for name in ("ann", "bob", "eve"))
HOUR = timedelta(hours=1)
FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "minimum": 1, "maximum": 100},
        "note": {"type": "string", "maxLength": 5},
    },
    "required": ["amount"],
    "additionalProperties": False,
}


@pytest.fixture
def fence(scene: Scene) -> Fence:
    return scene.start()


def say(scene: Scene, gate: UUID, actor: Actor = ANN, *, yes: bool = True, **said: Any) -> GateStatus:
    return scene.do(gates.decide(WORKSPACE, gate, actor, approve=yes, **said))


def group(scene: Scene, name: str, *members: str) -> None:
    scene.do(groups.create(WORKSPACE, name, ME))
    for member in members:
        scene.do(groups.add(WORKSPACE, name, member, ME))


@pytest.mark.parametrize("asked", ["group:editors", "editors", "GROUP:Editors"])
def test_a_group_is_asked_by_its_name_and_who_leaves_it_is_asked_no_more(
    scene: Scene, fence: Fence, asked: str
) -> None:
    group(scene, "editors", "ANN@example.org", "bob@example.org")
    gate = scene.ask(fence, approvers=(asked,), needed=2)
    with pytest.raises(Denied, match=r"eve@example.org is not among the approvers"):
        say(scene, gate, EVE)
    assert say(scene, gate, ANN) is GateStatus.WAITING
    scene.do(groups.take_out(WORKSPACE, "editors", "bob@example.org", ME))
    with pytest.raises(Denied, match=asked):
        say(scene, gate, BOB)
    scene.do(groups.add(WORKSPACE, "editors", "bob@example.org", ME))
    assert say(scene, gate, BOB) is GateStatus.APPROVED


def test_a_group_of_another_workspace_decides_nothing_here(scene: Scene, fence: Fence) -> None:
    theirs = other(scene)
    scene.do(groups.create(theirs, "editors", ME))
    scene.do(groups.add(theirs, "editors", ANN.id, ME))
    gate = scene.ask(fence, approvers=("group:editors",))
    with pytest.raises(Denied):
        say(scene, gate, ANN)
    assert run(scene.conn, groups.listed(WORKSPACE), Scope.of(OTHER)) == []
    with pytest.raises(NotFound):
        scene.do(gates.decide(OTHER, gate, ANN, approve=True))


def test_a_role_is_that_role_or_a_higher_one(scene: Scene, fence: Fence) -> None:
    for name, role in (("ann", Role.ADMIN), ("bob", Role.OPERATOR), ("eve", Role.OWNER)):
        person(scene, name, role)
    gate = scene.ask(fence, approvers=("role:ADMIN",), needed=3)
    with pytest.raises(Denied):
        say(scene, gate, BOB)
    assert say(scene, gate, ANN) is say(scene, gate, EVE) is GateStatus.WAITING
    assert scene.do(gates.decide(WORKSPACE, gate, ME, approve=True, as_owner=True)) is GateStatus.APPROVED


def test_a_person_and_their_key_are_one_voice(scene: Scene, fence: Fence) -> None:
    own, _ = key(scene, user_id=person(scene, "ann", Role.OPERATOR))
    by_key = Actor(ActorType.API_KEY, str(own.id))
    gate = scene.ask(fence, approvers=(ANN.id, BOB.id), needed=2)
    assert say(scene, gate, by_key) is GateStatus.WAITING
    with pytest.raises(Conflict, match="you have decided it already"):
        say(scene, gate, ANN)
    assert say(scene, gate, BOB) is GateStatus.APPROVED


def test_a_key_of_nobody_is_asked_by_its_id(scene: Scene, fence: Fence) -> None:
    mine, _ = key(scene)
    group(scene, "robots", f"key:{mine.id}")
    robot = Actor(ActorType.API_KEY, str(mine.id))
    for approvers in ((f"key:{mine.id}",), (str(mine.id),), ("group:robots",)):
        gate = scene.ask(fence, approvers=approvers)
        with pytest.raises(Denied):
            say(scene, gate, ANN)
        assert say(scene, gate, robot) is GateStatus.APPROVED
        scene.complete(scene.again(fence.job_id))
        fence = scene.start()


def test_whoever_enqueued_the_job_may_not_decide_by_any_way(scene: Scene) -> None:
    own, _ = key(scene, user_id=person(scene, "ann", Role.OPERATOR))
    by_key = Actor(ActorType.API_KEY, str(own.id))
    for asked, decides in ((ANN, by_key), (by_key, ANN), (ANN, ANN), (by_key, by_key)):
        id = scene.do(jobs.enqueue(WORKSPACE, [new_job()], asked)).ids[0]
        gate = scene.ask(scene.again(id), rules=Rules(no_self_approval=True))
        with pytest.raises(Denied, match=r"they asked for job .* themselves; ask anyone else who may decide"):
            say(scene, gate, decides)
        assert scene.do(gates.mine(WORKSPACE, decides)) == []
        assert [one.id for one in scene.do(gates.mine(WORKSPACE, BOB))] == [gate]
        assert say(scene, gate, BOB) is GateStatus.APPROVED
        assert scene.complete(scene.again(id)) == []


def test_who_made_or_changed_a_schedule_may_not_decide_for_its_jobs_even_when_it_is_gone(
    scene: Scene, clock: Clock
) -> None:
    clock.freeze()
    scene.new_worker()
    new = NewSchedule(id=ids.new(), name="own", type=TYPE, expression="every 1m")
    scene.do(schedules.create(WORKSPACE, new, ANN))
    scene.do(schedules.update(WORKSPACE, new.id, ScheduleChange(title="more"), EVE))
    clock.advance(minutes=1)
    (due,) = scene.do(ticking.due())
    made = scene.do(ticking.make(*due, new_ids))
    assert made is not None
    gate = scene.ask(scene.again(made.jobs[0]), rules=Rules(no_self_approval=True))
    for _ in range(2):
        for who in (ANN, EVE):
            with pytest.raises(Denied, match="they asked for job"):
                say(scene, gate, who)
        if scene.do(schedules.get(WORKSPACE, new.id)) is not None:
            scene.do(schedules.remove(WORKSPACE, new.id, ANN))
    assert say(scene, gate, BOB) is GateStatus.APPROVED


def test_a_revoked_key_and_a_disabled_person_are_not_heard(scene: Scene, fence: Fence) -> None:
    user = person(scene, "ann", Role.OPERATOR)
    own, _ = key(scene, user_id=user)
    gate = scene.ask(fence)
    scene.do(memberships.remove(WORKSPACE, user, ME, frozenset(ApiScope)))
    with pytest.raises(Denied, match="may do nothing here any more"):
        say(scene, gate, Actor(ActorType.API_KEY, str(own.id)))


def test_rejections_decide_when_too_few_are_left(scene: Scene, fence: Fence) -> None:
    group(scene, "board", *(f"{name}@example.org" for name in ("ann", "bob", "eve", "ida")))
    gate = scene.ask(fence, approvers=("group:board",), needed=3, rules=Rules(rejections=Rejections.UNREACHABLE))
    assert say(scene, gate, ANN, yes=False) is GateStatus.WAITING
    assert say(scene, gate, BOB) is GateStatus.WAITING
    assert (scene.job(fence.job_id).status, scene.told(fence.job_id)[-2:]) == (
        "PENDING",
        ["gate.rejected", "gate.approved"],
    )
    assert say(scene, gate, EVE, yes=False) is GateStatus.REJECTED
    assert scene.job(fence.job_id).status == "QUEUED"


def test_the_first_rejection_decides_where_nothing_else_is_said(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, approvers=(ANN.id, BOB.id, EVE.id), needed=2)
    assert say(scene, gate, ANN, yes=False) is GateStatus.REJECTED


def test_who_changes_their_mind_before_it_is_decided_is_heard_and_recorded(scene: Scene, fence: Fence) -> None:
    rules = Rules(rejections=Rejections.UNREACHABLE)
    gate = scene.ask(fence, approvers=(ANN.id, BOB.id, EVE.id), needed=2, rules=rules)
    say(scene, gate, ANN, yes=False)
    assert say(scene, gate, ANN) is GateStatus.WAITING
    assert scene.events(fence.job_id)[-1].payload == {"gate_id": str(gate), "changed": True}
    assert say(scene, gate, BOB) is GateStatus.APPROVED
    assert [(one.actor_id, one.approved) for one in scene.do(gates.decisions(WORKSPACE, [gate]))] == [
        (ANN.id, True),
        (BOB.id, True),
    ]


def test_what_was_said_can_be_taken_back_while_it_waits(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, needed=2)
    with pytest.raises(Conflict, match="has said nothing"):
        scene.do(gates.withdraw(WORKSPACE, gate, ANN))
    say(scene, gate, ANN)
    assert scene.do(gates.withdraw(WORKSPACE, gate, ANN)) is GateStatus.WAITING
    event = scene.events(fence.job_id)[-1]
    assert (event.type, event.actor_id, event.payload) == (
        "job.updated",
        ANN.id,
        {"gate_id": str(gate), "withdrawn": True},
    )
    assert say(scene, gate, BOB) is GateStatus.WAITING, "one that was taken back does not count"
    assert say(scene, gate, ANN) is GateStatus.APPROVED
    with pytest.raises(Conflict, match="it is APPROVED already"):
        scene.do(gates.withdraw(WORKSPACE, gate, ANN))


def test_a_comment_is_asked_for(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, rules=Rules(comment_required=True))
    for comment in (None, "  "):
        with pytest.raises(Invalid) as caught:
            say(scene, gate, comment=comment, yes=False)
        assert list(caught.value.fields) == ["comment"]
    assert say(scene, gate, comment="fine") is GateStatus.APPROVED


@pytest.mark.parametrize(
    ("form", "faults"),
    [
        (None, {"form.amount": "is missing"}),
        ({}, {"form.amount": "is missing"}),
        ({"amount": 0}, {"form.amount": "must be at least 1"}),
        ({"amount": 101, "note": "too long"},
         {"form.amount": "must be at most 100", "form.note": "must have at most 5 characters"}),
        ({"amount": "7"}, {"form.amount": "must be a whole number"}),
        ({"amount": True}, {"form.amount": "must be a whole number"}),
        ({"amount": 7, "more": 1}, {"form.more": "is not asked for"}),
        ([7], {"form": "must be an object"}),
    ],
)  # fmt: skip
def test_an_approval_must_fill_in_the_form(scene: Scene, fence: Fence, form: Any, faults: dict[str, str]) -> None:
    gate = scene.ask(fence, form=json.dumps(FORM))
    with pytest.raises(Invalid) as caught:
        say(scene, gate, form=None if form is None else json.dumps(form))
    assert caught.value.fields == faults
    assert scene.do(gates.decisions(WORKSPACE, [gate])) == []
    assert say(scene, gate, form='{"amount": 7}') is GateStatus.APPROVED
    assert scene.events(fence.job_id)[-1].payload["form"] == {"amount": 7}


def test_a_rejection_need_not_fill_in_the_form(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, form=json.dumps(FORM))
    assert say(scene, gate, yes=False) is GateStatus.REJECTED


@pytest.mark.parametrize(("on_expire", "approved"), [(one, one is OnExpire.APPROVE) for one in OnExpire])
def test_silence_counts_as_the_gate_says(
    scene: Scene, fence: Fence, clock: Clock, on_expire: OnExpire, approved: bool
) -> None:
    gate = scene.ask(fence, expires=HOUR, rules=Rules(on_expire=on_expire))
    clock.advance(HOUR)
    assert scene.do(gates.expire()) == (1, ["default"])
    event = scene.events(fence.job_id)[-1]
    assert (event.type, event.payload) == (
        "gate.expired",
        {"gate_id": str(gate), "on_expire": str(on_expire), "wait_reason": None},
    )
    scene.again(fence.job_id)
    known = {one.key: one for one in scene.do(attempts.remembered(WORKSPACE, fence.job_id))}
    decision = decided(known["publish?"])
    assert (decision.approved, decision.expired, decision.on_expire) == (approved, True, on_expire)
    assert gate_key("publish?", 2, known) == ("publish?" if approved else "publish?@2")


def test_a_gate_that_nobody_decides_asks_more_people(scene: Scene, fence: Fence, clock: Clock) -> None:
    rules = Rules(escalate_to=(BOB.id,), escalate_after=HOUR)
    gate = scene.ask(fence, approvers=(ANN.id,), expires=3 * HOUR, rules=rules)
    with pytest.raises(Denied):
        say(scene, gate, BOB)
    clock.advance(HOUR)
    assert scene.do(gates.expire()) == (0, [])
    event = scene.events(fence.job_id)[-1]
    assert (event.type, event.payload) == ("job.updated", {"gate_id": str(gate), "escalated_to": [BOB.id]})
    asked = scene.do(gates.get(WORKSPACE, gate))
    assert asked is not None and (asked.approvers, asked.escalate_at) == ([ANN.id, BOB.id], None)
    assert scene.do(gates.expire()) == (0, []), "once"
    clock.advance(2 * HOUR)
    assert scene.do(gates.expire()) == (1, ["default"]), "its time is over when it was to be"


def test_after_an_escalation_those_that_are_new_may_decide(scene: Scene, fence: Fence, clock: Clock) -> None:
    rules = Rules(escalate_to=("role:ADMIN",), escalate_after=HOUR)
    gate = scene.ask(fence, approvers=(ANN.id,), rules=rules)
    clock.advance(HOUR)
    scene.do(gates.expire())
    person(scene, "bob", Role.ADMIN)
    assert say(scene, gate, BOB) is GateStatus.APPROVED


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"needed": 0}, "needed"),
        ({"needed": 101}, "needed"),
        ({"approvers": (ANN.id, "ANN@example.org", BOB.id), "needed": 3}, "needed"),
        ({"approvers": ("role:BOSS",)}, "approvers"),
        ({"approvers": ("",)}, "approvers"),
        ({"approvers": tuple(f"p{n}" for n in range(101))}, "approvers"),
        ({"rules": Rules(rejections=Rejections.UNREACHABLE)}, "approvers"),
        ({"rules": Rules(escalate_to=(BOB.id,), escalate_after=HOUR)}, "approvers"),
        ({"approvers": (ANN.id,), "rules": Rules(escalate_to=(BOB.id,))}, "escalate_to"),
    ],
)
def test_what_nobody_could_decide_is_not_asked(scene: Scene, fence: Fence, asked: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        scene.ask(fence, **asked)
    assert list(caught.value.fields) == [field]
    assert scene.job(fence.job_id).status == "RUNNING"


def test_lists_narrow_to_what_is_asked_of_whom(scene: Scene) -> None:
    group(scene, "editors", ANN.id)
    first = scene.ask(scene.start(), approvers=("group:editors",))
    second = scene.ask(scene.start(queue="slow"), approvers=(BOB.id,))
    third = scene.ask(scene.start())

    def mine(actor: Actor, **only: Any) -> list[UUID]:
        return [one.id for one in scene.do(gates.mine(WORKSPACE, actor, **only))]

    assert mine(ANN) == [first, third] and mine(BOB) == [second, third]
    assert mine(ANN, group="editors") == [first]
    assert mine(BOB, queue="slow") == [second]
    listed = [one.id for one in scene.do(gates.listed(WORKSPACE, queue="slow", type="demo"))]
    assert listed == [second] and scene.do(gates.listed(WORKSPACE, type="other")) == []


def test_the_trail_of_it_all_verifies(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, needed=2, rules=Rules(comment_required=True))
    say(scene, gate, ANN, comment="<script>alert(1)</script>")
    scene.do(gates.withdraw(WORKSPACE, gate, ANN))
    say(scene, gate, BOB, comment="é \u2028 ok")
    say(scene, gate, EVE, comment="ok")
    assert scene.do(audit.verify_job(WORKSPACE, fence.job_id)).findings == ()
