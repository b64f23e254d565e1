"""Logins hold until they end, expire, idle or lose their person; failures make an address wait, and nobody else."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from database import Clock
from scene import ME, WORKSPACE, Scene, ids
from service.people import ALL, HASHED, OTHER, other, person, raw, told, words

from jobtrail.core.access import Membership
from jobtrail.core.errors import Denied
from jobtrail.core.login_tokens import digest
from jobtrail.core.scopes import Role
from jobtrail.service import login_sessions, memberships, users
from jobtrail.service.administration import INSTALLATION

DAY = timedelta(days=1)
HERE, THERE = "198.51.100.7", "203.0.113.9"


def login(scene: Scene, user: UUID, token: str = "token", expires: timedelta = DAY) -> UUID:
    id = ids.new()
    scene.do(login_sessions.begin(user, digest(token), expires, id=id, address=HERE))
    return id


def holds(scene: Scene, token: str = "token") -> bool:
    return scene.do(login_sessions.find(digest(token))) is not None


def test_a_login_knows_its_person_and_their_workspaces(scene: Scene) -> None:
    other(scene)
    ann = person(scene, "ann", Role.OWNER)
    id = login(scene, ann)
    scene.do(memberships.add(OTHER, ann, Role.VIEWER, ME, ALL))
    found = scene.do(login_sessions.find(digest("token")))
    assert found is not None
    assert (found.id, found.user_id, found.email, found.name) == (id, ann, "ann@example.org", "ann")
    assert found.memberships == (
        Membership(WORKSPACE, "default", "OWNER"),
        Membership(OTHER, "other", "VIEWER"),
    )
    assert not holds(scene, "another") and scene.do(login_sessions.alive([id, ids.new()])) == {id}


def test_who_belongs_nowhere_is_logged_in_nowhere(scene: Scene) -> None:
    login(scene, person(scene))
    found = scene.do(login_sessions.find(digest("token")))
    assert found is not None and found.memberships == ()


def test_a_login_ends_by_itself_after_its_time(scene: Scene, clock: Clock) -> None:
    id = login(scene, person(scene))
    clock.advance(hours=23)
    assert holds(scene)
    clock.advance(hours=1)
    assert not holds(scene) and scene.do(login_sessions.alive([id])) == frozenset()


def test_a_login_that_nobody_uses_does_not_hold(scene: Scene, clock: Clock) -> None:
    used, idle = login(scene, person(scene), expires=30 * DAY), login(scene, person(scene, "bob"), "b", 30 * DAY)
    clock.advance(days=6)
    scene.do(login_sessions.seen([used]))
    clock.advance(days=2)
    assert holds(scene) and not holds(scene, "b")
    assert scene.do(login_sessions.alive([used, idle])) == {used, idle}


@pytest.mark.parametrize("how", ["end", "end_all", "disable", "set_password"])
def test_a_login_that_was_ended_does_not_hold(scene: Scene, how: str) -> None:
    ann, bob = person(scene), person(scene, "bob")
    ended, stays = login(scene, ann), login(scene, bob, "b")
    verbs = {
        "end": login_sessions.end(ended),
        "end_all": login_sessions.end_all(ann, ME),
        "disable": users.disable(ann, ME),
        "set_password": users.set_password(ann, HASHED, ME),
    }
    scene.do(verbs[how])  # type: ignore[arg-type]
    assert not holds(scene) and holds(scene, "b")
    assert scene.do(login_sessions.alive([ended, stays])) == {stays}
    scene.do(users.enable(ann, ME))
    assert not holds(scene)
    assert scene.do(login_sessions.end(ended)) is None and scene.do(login_sessions.end_all(ann, ME)) == 0


def test_who_is_shut_out_does_not_log_in(scene: Scene) -> None:
    ann = person(scene)
    scene.do(users.disable(ann, ME))
    for nobody in (ann, ids.new()):
        with pytest.raises(Denied, match="may not log in"):
            login(scene, nobody)


def test_a_login_does_not_hold_for_who_is_shut_out_whoever_did_it(scene: Scene) -> None:
    """The verb ends logins as well; this holds where somebody only set the time."""
    id = login(scene, person(scene))
    raw(scene, "update jobtrail.users set disabled_at = now()")
    assert not holds(scene) and scene.do(login_sessions.alive([id])) == frozenset()


def test_failures_make_an_address_wait_longer_and_longer(scene: Scene, clock: Clock) -> None:
    waits = [scene.do(login_sessions.failed("Ann@example.org", HERE)).total_seconds() for _ in range(13)]
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert scene.do(login_sessions.pause("ann@EXAMPLE.org", HERE)) == timedelta(seconds=60)
    clock.advance(seconds=20)
    assert scene.do(login_sessions.pause("ann@example.org", HERE)) == timedelta(seconds=40)
    clock.advance(seconds=41)
    assert scene.do(login_sessions.pause("ann@example.org", HERE)) == timedelta(0)


def test_a_stranger_elsewhere_keeps_nobody_out(scene: Scene) -> None:
    for _ in range(20):
        scene.do(login_sessions.failed("ann@example.org", THERE))
    assert scene.do(login_sessions.pause("ann@example.org", HERE)) == timedelta(0)
    assert scene.do(login_sessions.pause("bob@example.org", THERE)) == timedelta(0)


def test_a_login_forgives_its_own_address(scene: Scene) -> None:
    ann = person(scene)
    for address in (HERE, THERE):
        for _ in range(6):
            scene.do(login_sessions.failed("Ann@example.org", address))
    login(scene, ann)
    assert scene.do(login_sessions.pause("ann@example.org", HERE)) == timedelta(0)
    assert scene.do(login_sessions.pause("ann@example.org", THERE)) > timedelta(0)


@pytest.mark.parametrize(
    "typed", ["", "x" * 100_000, "é" * 200, "a\0b@c", "\ud800", "\x1b[2J", "İ" * 127, "' or 1=1 --"]
)
def test_whatever_a_stranger_types_is_counted(scene: Scene, typed: str) -> None:
    waits = [scene.do(login_sessions.failed(typed, typed)).total_seconds() for _ in range(6)]
    assert waits == [0, 0, 0, 0, 1, 2] and scene.do(login_sessions.pause(typed, typed)) > timedelta(0)
    assert len(told(scene, INSTALLATION)) == 3


def test_a_quiet_hour_forgives(scene: Scene, clock: Clock) -> None:
    for _ in range(9):
        scene.do(login_sessions.failed("ann@example.org", HERE))
    clock.advance(minutes=61)
    assert scene.do(login_sessions.failed("ann@example.org", HERE)) == timedelta(0)


def test_logins_are_recorded_and_guessing_does_not_fill_the_record(scene: Scene) -> None:
    ann = person(scene, "ann", Role.VIEWER)
    for _ in range(100):
        scene.do(login_sessions.failed("ann@example.org", HERE))
    id = login(scene, ann)
    assert words(scene) == ["member.added", "login.succeeded"]
    said = told(scene, INSTALLATION)
    assert [event.payload["failures"] for event in said if event.type == "login.failed"] == [1, 2, 4, 8, 16, 32, 64]
    assert (said[-1].actor_id, said[-1].subject_id) == ("ann@example.org", str(id))
    assert said[-1].payload == {"address": HERE, "user_id": str(ann)}


def test_what_is_over_is_forgotten(scene: Scene, clock: Clock) -> None:
    ann = person(scene)
    ended, _, fresh = login(scene, ann), login(scene, ann, "b", timedelta(hours=1)), login(scene, ann, "c", 30 * DAY)
    scene.do(login_sessions.end(ended))
    scene.do(login_sessions.failed("x", HERE))
    assert scene.do(login_sessions.forget(clock.now() - DAY)) == 0
    clock.advance(days=2)
    assert scene.do(login_sessions.forget(clock.now() - DAY)) == 2
    assert scene.do(login_sessions.alive([fresh])) == {fresh}
    assert scene.conn.execute("select count(*) from jobtrail.login_failures").fetchone() == (0,)
