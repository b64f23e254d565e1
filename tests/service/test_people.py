"""People and their memberships: known once, shut out at once, and a workspace never without an owner."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import pytest
from cli.terminal import until
from database import Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene, ids
from service.people import ALL, HASHED, OTHER, PASSWORD, key, other, person, told, words

from jobtrail.core.access import Membership
from jobtrail.core.errors import Conflict, Denied, Invalid, NotFound
from jobtrail.core.passwords import verify_password
from jobtrail.core.scopes import SCOPES_OF, Role
from jobtrail.service import keys, memberships, users, workspaces
from jobtrail.service.administration import INSTALLATION
from jobtrail.store.db import Scope, run
from jobtrail.store.query import Flow

NOBODY = UUID(int=1)


def roles(scene: Scene, workspace: UUID = WORKSPACE) -> dict[str, str]:
    return {member.name: member.role for member in scene.do(memberships.listed(workspace))}


def test_an_email_is_one_person_in_upper_and_lower_case(scene: Scene) -> None:
    ann = scene.do(users.create(ids.new(), "Ann@Example.org", "Ann", HASHED, ME))
    with pytest.raises(Conflict, match=r"somebody has the e-mail ann@example\.ORG already"):
        scene.do(users.create(ids.new(), "ann@example.ORG", "Ann", None, ME))
    found = scene.do(users.by_email("ANN@example.org"))
    assert found is not None and (found.id, found.email, found.disabled_at) == (ann.id, "Ann@Example.org", None)
    assert verify_password(PASSWORD, found.password_hash) and HASHED not in repr(found)
    assert scene.do(users.by_email("bob@example.org")) is None
    assert scene.do(users.get(ann.id)) == ann and scene.do(users.listed()) == [ann]


@pytest.mark.parametrize(
    "email", ["", "ann", "@", "ann@", "@b", "a b@c", "a@b c", "a@b\n", "a@b@c", "x" * 250 + "@b.org"]
)
def test_what_is_no_email_is_refused(scene: Scene, email: str) -> None:
    with pytest.raises(Invalid) as refused:
        scene.do(users.create(ids.new(), email, "Ann", None, ME))
    assert "email" in refused.value.fields


def test_somebody_without_a_password_gets_one(scene: Scene) -> None:
    ann = scene.do(users.create(ids.new(), "ann@example.org", "Ann", None, ME))
    assert not verify_password(PASSWORD, password_of(scene))
    scene.do(users.set_password(ann.id, HASHED, ME))
    assert verify_password(PASSWORD, password_of(scene))
    scene.do(users.rehash(ann.id, "another", HASHED[::-1]))
    assert password_of(scene) == HASHED
    scene.do(users.rehash(ann.id, HASHED, HASHED[::-1]))
    assert password_of(scene) == HASHED[::-1]
    assert words(scene, INSTALLATION) == ["user.created", "user.password_set"]


def password_of(scene: Scene) -> str | None:
    found = scene.do(users.by_email("ann@example.org"))
    assert found is not None
    return found.password_hash


def test_to_disable_twice_is_to_disable_once(scene: Scene) -> None:
    ann = person(scene, "ann", Role.VIEWER)
    assert [scene.do(users.disable(ann, ME)) for _ in range(2)] == [True, False]
    assert [scene.do(users.enable(ann, ME)) for _ in range(2)] == [True, False]
    assert words(scene) == ["member.added", "user.disabled", "user.enabled"]
    assert words(scene, INSTALLATION) == ["user.created", "user.disabled", "user.enabled"]


def test_who_is_not_there_is_not_found(scene: Scene) -> None:
    verbs = [users.disable(NOBODY, ME), users.enable(NOBODY, ME), users.set_password(NOBODY, HASHED, ME),
             memberships.change_role(WORKSPACE, NOBODY, Role.VIEWER, ME, ALL),
             memberships.remove(WORKSPACE, NOBODY, ME, ALL), memberships.remove(OTHER, NOBODY, ME, ALL)]  # fmt: skip
    for verb in verbs:
        with pytest.raises(NotFound):
            scene.do(verb)  # type: ignore[arg-type]
    assert words(scene) == words(scene, INSTALLATION) == []


def test_members_come_and_change_and_go(scene: Scene) -> None:
    ann, bob = person(scene, "ann", Role.OWNER), person(scene, "bob", Role.VIEWER)
    assert roles(scene) == {"ann": "OWNER", "bob": "VIEWER"}
    with pytest.raises(Conflict, match="is a member already"):
        scene.do(memberships.add(WORKSPACE, bob, Role.ADMIN, ME, ALL))
    scene.do(memberships.change_role(WORKSPACE, bob, Role.ADMIN, ME, ALL))
    scene.do(memberships.change_role(WORKSPACE, bob, Role.ADMIN, ME, ALL))
    scene.do(memberships.remove(WORKSPACE, bob, ME, ALL))
    assert roles(scene) == {"ann": "OWNER"}
    said = [(event.type, event.subject_id, event.payload) for event in told(scene)]
    assert said == [
        ("member.added", str(ann), {"role": "OWNER"}),
        ("member.added", str(bob), {"role": "VIEWER"}),
        ("member.role_changed", str(bob), {"role": "ADMIN", "was": "VIEWER"}),
        ("member.removed", str(bob), {"role": "ADMIN"}),
    ]


def test_who_goes_leaves_no_key_behind(scene: Scene) -> None:
    other(scene)
    person(scene, "owner", Role.OWNER)
    ann = person(scene, "ann", Role.OPERATOR)
    scene.do(memberships.add(OTHER, ann, Role.OPERATOR, ME, ALL))
    gone, stays, elsewhere = key(scene, user_id=ann)[0], key(scene)[0], key(scene, workspace=OTHER, user_id=ann)[0]
    scene.do(memberships.remove(WORKSPACE, ann, ME, ALL))
    assert scene.do(keys.alive([gone.id, stays.id, elsewhere.id])) == {stays.id, elsewhere.id}
    assert {(event.type, event.subject_id) for event in told(scene)[-2:]} == {
        ("member.removed", str(ann)),
        ("key.revoked", str(gone.id)),
    }


def test_the_last_owner_stays_one(scene: Scene) -> None:
    ann, bob = person(scene, "ann", Role.OWNER), person(scene, "bob", Role.OWNER)
    scene.do(users.disable(bob, ME))
    for verb in (
        memberships.remove(WORKSPACE, ann, ME, ALL),
        memberships.change_role(WORKSPACE, ann, Role.ADMIN, ME, ALL),
    ):
        with pytest.raises(Conflict, match="the last OWNER"):
            scene.do(verb)
    scene.do(memberships.change_role(WORKSPACE, ann, Role.OWNER, ME, ALL))
    scene.do(users.enable(bob, ME))
    scene.do(memberships.remove(WORKSPACE, ann, ME, ALL))
    assert roles(scene) == {"bob": "OWNER"}


def test_two_owners_who_remove_each_other_leave_one(database: Database, scene: Scene) -> None:
    """The second waits for the first, and sees what it did."""
    ann, bob = person(scene, "ann", Role.OWNER), person(scene, "bob", Role.OWNER)
    with closing(database.connect()) as first, closing(database.connect(application="second")) as second:
        first.autocommit = False
        run(first, memberships.remove(WORKSPACE, ann, ME, ALL), SERVES_ALL)
        with ThreadPoolExecutor(1) as thread:
            removal = thread.submit(run, second, memberships.remove(WORKSPACE, bob, ME, ALL), SERVES_ALL)
            until(lambda: removal.done() or waits(scene, "second"))
            first.commit()
            with pytest.raises(Conflict, match="the last OWNER"):
                removal.result()
    assert roles(scene) == {"bob": "OWNER"}


def waits(scene: Scene, application: str) -> bool:
    """Whether a connection waits for another's lock."""
    query = "select wait_event_type = 'Lock' from pg_stat_activity where application_name = %s"
    return scene.conn.execute(query, (application,)).fetchone() == (True,)


Verb = Callable[[UUID], Flow[None]]
OF_OWNERS: dict[str, Verb] = {
    "making an owner": lambda _: memberships.add(WORKSPACE, NOBODY, Role.OWNER, ME, SCOPES_OF[Role.ADMIN]),
    "becoming an owner": lambda a: memberships.change_role(WORKSPACE, a, Role.OWNER, ME, SCOPES_OF[Role.ADMIN]),
    "removing an owner": lambda a: memberships.remove(WORKSPACE, a, ME, SCOPES_OF[Role.ADMIN]),
    "lowering an owner": lambda a: memberships.change_role(WORKSPACE, a, Role.VIEWER, ME, SCOPES_OF[Role.ADMIN]),
}


@pytest.mark.parametrize("what", OF_OWNERS)
def test_an_admin_does_nothing_to_owners(scene: Scene, what: str) -> None:
    ann = person(scene, "ann", Role.OWNER)
    person(scene, "bob", Role.OWNER)
    with pytest.raises(Denied, match="OWNER"):
        scene.do(OF_OWNERS[what](ann))
    assert roles(scene) == {"ann": "OWNER", "bob": "OWNER"}


def test_the_members_of_a_workspace_are_read_through_its_own_scope(database: Database, scene: Scene) -> None:
    other(scene)
    ann = person(scene, "ann", Role.OWNER)
    person(scene, "eve", Role.OWNER, OTHER)
    with closing(database.connect(str(WORKSPACE))) as ours:
        mine = Scope.of(WORKSPACE)
        assert [member.user_id for member in run(ours, memberships.listed(WORKSPACE), mine)] == [ann]
        assert run(ours, memberships.listed(OTHER), mine) == []
        person(scene, "bob", Role.VIEWER)
        assert len(run(ours, memberships.listed(WORKSPACE, after="ann@example.org"), mine)) == 1


def test_a_workspace_begins_with_its_owner(scene: Scene) -> None:
    ann = person(scene)
    made = scene.do(workspaces.create(OTHER, "other", ME, ann))
    assert roles(scene, OTHER) == {"ann": "OWNER"}
    assert scene.do(memberships.of_user(ann)) == [Membership(OTHER, "other", "OWNER")]
    assert scene.do(workspaces.listed(user_id=ann)) == [made] == [scene.do(workspaces.get(OTHER))]
    assert [found.name for found in scene.do(workspaces.listed())] == ["default", "other"]
    assert [found.name for found in scene.do(workspaces.listed(after="default"))] == ["other"]
    with pytest.raises(Conflict, match="there is a workspace 'other' already"):
        scene.do(workspaces.create(ids.new(), "other", ME, ann))
    assert words(scene, OTHER) == ["workspace.created"]


def test_a_workspace_takes_another_name(scene: Scene) -> None:
    other(scene)
    assert scene.do(workspaces.rename(OTHER, "second", ME)).name == "second"
    assert scene.do(workspaces.rename(OTHER, "second", ME)).name == "second"
    with pytest.raises(Conflict):
        scene.do(workspaces.rename(OTHER, "default", ME))
    with pytest.raises(NotFound):
        scene.do(workspaces.rename(NOBODY, "third", ME))
    assert [(event.type, event.payload) for event in told(scene, OTHER)] == [
        ("workspace.created", {"name": "other"}),
        ("workspace.renamed", {"name": "second", "was": "other"}),
    ]
