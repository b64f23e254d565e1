"""A link lets one person answer one question once, in the voice of whoever made it, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from database import Clock
from scene import ME, WORKSPACE, Scene, ids, new_job
from service.people import OTHER, key, other, person

from jobtrail.core import gate_links as tokens
from jobtrail.core.approval import Rules
from jobtrail.core.errors import Conflict, Denied, Invalid, Limited, NotFound
from jobtrail.core.fence import Fence
from jobtrail.core.model import Actor
from jobtrail.core.scopes import ApiScope, Role
from jobtrail.core.status import ActorType, GateStatus
from jobtrail.service import gate_links, gates, jobs, memberships
from jobtrail.service.gate_links import Made

ANN, BOB, EVE = (Actor(ActorType.USER, f"{name}@example.org") for name in ("ann", "bob", "eve"))
DAY = timedelta(days=1)


@pytest.fixture
def fence(scene: Scene) -> Fence:
    return scene.start()


def make(
    scene: Scene, gate: UUID, actor: Actor = ANN, person: str = "ben@elsewhere.org", expires: timedelta = DAY
) -> Made:
    return scene.do(gate_links.make(WORKSPACE, gate, ids.new(), person, ids.new().bytes * 2, expires, actor))


def answer(scene: Scene, token: str, *, yes: bool = True, form_token: str | None = None, **said: Any) -> GateStatus:
    sent = scene.do(gate_links.opened(token)).form_token if form_token is None else form_token
    said = {"comment": None, "form": None, **said}
    return scene.do(gate_links.decide(token, sent, approve=yes, **said))


def test_a_link_shows_the_question_and_takes_one_answer(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence)
    made = make(scene, gate)
    for _ in range(3):
        seen = scene.do(gate_links.opened(made.token))
        assert (seen.gate.question, seen.asker.type, seen.link.person) == (
            "publish? May it?",
            "demo",
            "ben@elsewhere.org",
        )
    assert scene.job(fence.job_id).status == "PENDING", "whoever looks decides nothing"
    assert answer(scene, made.token, comment="fine") is GateStatus.APPROVED
    event = scene.events(fence.job_id)[-1]
    assert (event.type, event.actor_type, event.actor_id) == ("gate.approved", "user", "link:ben@elsewhere.org")
    assert event.payload == {
        "gate_id": str(gate), "comment": "fine", "link_id": str(made.link.id), "link_by": "user:ann@example.org",
        "wait_reason": None,
    }  # fmt: skip
    with pytest.raises(Conflict, match="this link was used"):
        scene.do(gate_links.opened(made.token))
    (link,) = scene.do(gate_links.listed(WORKSPACE, gate))
    assert link.used_at is not None


def test_a_link_is_used_once_also_where_more_must_answer(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, needed=2)
    made = make(scene, gate)
    sent = scene.do(gate_links.opened(made.token)).form_token
    assert answer(scene, made.token, form_token=sent) is GateStatus.WAITING
    for yes in (True, False):
        with pytest.raises(Conflict, match="this link was used"):
            answer(scene, made.token, yes=yes, form_token=sent)


def test_all_links_of_one_maker_are_one_voice(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, needed=2)
    first, second = make(scene, gate), make(scene, gate, person="ida@elsewhere.org")
    assert answer(scene, first.token) is GateStatus.WAITING
    with pytest.raises(Conflict, match=r"link:ben@elsewhere.org has decided it already"):
        answer(scene, second.token)
    with pytest.raises(Conflict, match="you have decided it already"):
        scene.do(gates.decide(WORKSPACE, gate, ANN, approve=True))
    assert answer(scene, make(scene, gate, BOB).token) is GateStatus.APPROVED


def test_only_who_may_decide_makes_links(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, approvers=(ANN.id,))
    with pytest.raises(Denied, match=r"eve@example.org is not among the approvers"):
        make(scene, gate, EVE)
    assert answer(scene, make(scene, gate).token) is GateStatus.APPROVED
    with pytest.raises(Conflict, match="APPROVED already"):
        make(scene, gate)


def test_a_link_is_no_way_around_no_self_approval(scene: Scene) -> None:
    id = scene.do(jobs.enqueue(WORKSPACE, [new_job()], ANN)).ids[0]
    gate = scene.ask(scene.again(id), rules=Rules(no_self_approval=True))
    with pytest.raises(Denied, match="asked for job"):
        make(scene, gate, ANN, person="ben@elsewhere.org")
    to_ann = make(scene, gate, BOB, person=ANN.id.upper())
    with pytest.raises(Denied, match="themselves"):
        answer(scene, to_ann.token)
    assert answer(scene, make(scene, gate, BOB).token) is GateStatus.APPROVED


def test_who_may_decide_no_more_has_lent_nothing(scene: Scene, fence: Fence) -> None:
    user = person(scene, "ann", Role.ADMIN)
    own, _ = key(scene, user_id=user)
    gate = scene.ask(fence, approvers=("role:ADMIN",))
    made = [make(scene, gate, actor) for actor in (ANN, Actor(ActorType.API_KEY, str(own.id)))]
    scene.do(memberships.remove(WORKSPACE, user, ME, frozenset(ApiScope)))
    for one in made:
        with pytest.raises(Denied):
            answer(scene, one.token)


@pytest.mark.parametrize("since", ["left", "only looks"])
def test_a_maker_who_may_decide_nothing_has_lent_nothing_at_a_gate_that_asks_everybody(
    scene: Scene, fence: Fence, since: str
) -> None:
    user = person(scene, "ann", Role.OPERATOR)
    made = make(scene, scene.ask(fence))
    if since == "left":
        scene.do(memberships.remove(WORKSPACE, user, ME, frozenset(ApiScope)))
    else:
        scene.do(memberships.change_role(WORKSPACE, user, Role.VIEWER, ME, frozenset(ApiScope)))
    with pytest.raises(Denied, match="whoever made this link may decide no more"):
        answer(scene, made.token)
    assert scene.job(fence.job_id).status == "PENDING"


def _flipped(token: str) -> str:
    return token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]


@pytest.mark.parametrize(
    "forge",
    [
        _flipped,
        lambda token: token + "A",
        lambda token: token[:-1],
        lambda token: token.removeprefix(tokens.PREFIX),
        lambda token: token.replace("gl_", "cb_"),
        lambda _: "gl_" + "A" * 86,
        lambda _: "",
        lambda _: "gl_\u00e4",
    ],
)
def test_a_token_that_is_not_the_one_that_was_given_opens_nothing(
    scene: Scene, fence: Fence, forge: Callable[[str], str]
) -> None:
    made = make(scene, scene.ask(fence))
    with pytest.raises(NotFound, match="this link opens nothing"):
        scene.do(gate_links.opened(forge(made.token)))
    with pytest.raises(NotFound):
        answer(scene, forge(made.token), form_token="x")


def test_a_token_is_of_one_workspace_and_one_gate(scene: Scene, fence: Fence) -> None:
    made = make(scene, scene.ask(fence))
    theirs = Scene(scene.conn, other(scene))
    gate = theirs.ask(theirs.start())
    link = theirs.do(gate_links.make(OTHER, gate, ids.new(), "ben", bytes(32), DAY, ANN)).link
    mac = tokens.parse(made.token).mac

    for workspace, id in ((OTHER, made.link.id), (OTHER, link.id), (WORKSPACE, link.id)):
        text = "gl_" + base64.urlsafe_b64encode(workspace.bytes + id.bytes + mac).decode().rstrip("=")
        with pytest.raises(NotFound):
            scene.do(gate_links.opened(text))
    assert scene.do(gate_links.listed(WORKSPACE, gate)) == []
    with pytest.raises(NotFound):
        scene.do(gate_links.revoke(WORKSPACE, gate, link.id))


@pytest.mark.parametrize("said", ["", "0" * 64, "\ud800"])
def test_an_answer_comes_from_the_page(scene: Scene, fence: Fence, said: str) -> None:
    made = make(scene, scene.ask(fence))
    with pytest.raises(Denied, match="did not come from the page"):
        answer(scene, made.token, form_token=said)
    another = make(scene, scene.ask(scene.start()))
    with pytest.raises(Denied):
        answer(scene, made.token, form_token=scene.do(gate_links.opened(another.token)).form_token)


def test_a_link_that_was_taken_back_or_is_over_opens_nothing(scene: Scene, fence: Fence, clock: Clock) -> None:
    gate = scene.ask(fence)
    gone, late = make(scene, gate), make(scene, gate)
    sent = {one.token: scene.do(gate_links.opened(one.token)).form_token for one in (gone, late)}
    revoked = scene.do(gate_links.revoke(WORKSPACE, gate, gone.link.id))
    assert revoked.revoked_at is not None
    with pytest.raises(Conflict, match="taken back"):
        answer(scene, gone.token, form_token=sent[gone.token])
    clock.advance(DAY)
    with pytest.raises(Conflict, match="time of this link is over"):
        answer(scene, late.token, form_token=sent[late.token])
    scene.do(gates.decide(WORKSPACE, gate, BOB, approve=True))
    with pytest.raises(Conflict, match="answered already: it is APPROVED"):
        scene.do(gate_links.opened(late.token))


@pytest.mark.parametrize("expires", [timedelta(0), timedelta(seconds=-1), timedelta(days=31)])
def test_a_link_is_good_for_some_time(scene: Scene, fence: Fence, expires: timedelta) -> None:
    with pytest.raises(Invalid) as caught:
        make(scene, scene.ask(fence), expires=expires)
    assert list(caught.value.fields) == ["expires"]


def test_a_gate_has_so_many_links_and_no_more(scene: Scene, fence: Fence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_links, "MOST_OF_A_GATE", 1)
    gate = scene.ask(fence)
    make(scene, gate)
    with pytest.raises(Limited, match="links already"):
        make(scene, gate)


def test_a_link_fills_in_what_the_gate_asks(scene: Scene, fence: Fence) -> None:
    gate = scene.ask(fence, form='{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}')
    made = make(scene, gate)
    with pytest.raises(Invalid) as caught:
        answer(scene, made.token, form='{"n": "x"}')
    assert caught.value.fields == {"form.n": "must be a whole number"}
    assert answer(scene, made.token, form='{"n": 7}') is GateStatus.APPROVED, "what did not fit used nothing up"


def test_nothing_shows_what_signs_a_link(scene: Scene, fence: Fence) -> None:
    made = make(scene, scene.ask(fence))
    assert made.token not in repr(made) and "secret" not in {*made.link.__slots__}
    assert "form_token" not in repr(scene.do(gate_links.opened(made.token)))
