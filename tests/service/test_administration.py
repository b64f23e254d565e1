"""The record of administration: one line for each thing done, in one unbroken chain a workspace, never changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import pytest
from database import Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, Scene
from service.people import ALL, HASHED, OTHER, key, other, person, raw, told, words

from jobtrail.core.access import BrokenLink
from jobtrail.core.errors import Conflict, Misconfigured
from jobtrail.core.scopes import Role
from jobtrail.service import administration, keys, memberships, users
from jobtrail.service.administration import INSTALLATION
from jobtrail.store.db import Scope, run


@pytest.fixture
def record(scene: Scene) -> Scene:
    """Ten lines in one workspace, a few in another and in that of the installation."""
    other(scene)
    person(scene, "ann", Role.OWNER)
    for _ in range(9):
        key(scene)
    key(scene, workspace=OTHER)
    return scene


def test_every_line_is_numbered_and_says_who_did_what(record: Scene) -> None:
    lines = told(record)
    assert [line.number for line in lines] == list(range(1, 11))
    assert {(line.actor_type, line.actor_id) for line in lines} == {("user", "me")}
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    assert [line.number for line in record.do(administration.listed(WORKSPACE, before=4, limit=2))] == [3, 2]
    assert words(record, OTHER) == ["workspace.created", "key.created"]


def test_any_verb_can_have_a_line(scene: Scene) -> None:
    scene.do(administration.tell(WORKSPACE, "webhook.created", ME, "webhook", "w1", {"url": "https://example.org/ä"}))
    (line,) = told(scene)
    assert (line.type, line.subject_type, line.subject_id) == ("webhook.created", "webhook", "w1")
    assert line.payload == {"url": "https://example.org/ä"}


def test_what_was_not_done_is_not_recorded(record: Scene) -> None:
    before = told(record, INSTALLATION)
    with pytest.raises(Conflict):
        person(record, "ann")
    assert told(record, INSTALLATION) == before


def test_a_record_that_nobody_touched_is_whole(record: Scene) -> None:
    assert record.do(administration.breaks()) == []


FORGERIES = {
    "another actor": ("update jobtrail.administration_events set actor_id = 'eve' where number = 5", 5, False),
    "another type": ("update jobtrail.administration_events set type = 'key.revoked' where number = 5", 5, False),
    "another subject": ("update jobtrail.administration_events set subject_id = 'x' where number = 5", 5, False),
    "another payload": ("update jobtrail.administration_events set payload = payload || '{\"a\": 1}' where number = 5", 5, False),
    "another time": ("update jobtrail.administration_events set at = at + interval '1 us' where number = 5", 5, False),
    "a hash": ("update jobtrail.administration_events set hash = sha256('') where number = 5", 5, False),
    "a line taken out": ("delete from jobtrail.administration_events where number = 5", 6, True),
    "the first taken out": ("delete from jobtrail.administration_events where number = 1", 2, True),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGERIES)
def test_a_forgery_is_found_where_it_is(record: Scene, admin: Connection, what: str) -> None:
    forge, number, missing = FORGERIES[what]
    admin.execute("set session_replication_role = replica")
    admin.execute(forge.replace("where ", f"where workspace_id = '{WORKSPACE}' and ").encode())
    assert record.do(administration.breaks())[0] == BrokenLink(WORKSPACE, number, missing)
    assert {broken.workspace_id for broken in record.do(administration.breaks())} == {WORKSPACE}
    assert record.do(administration.breaks(OTHER)) == record.do(administration.breaks(INSTALLATION)) == []


@pytest.mark.parametrize("attack", ["update jobtrail.administration_events set actor_id = 'x'",
                                    "delete from jobtrail.administration_events",
                                    "truncate jobtrail.administration_events"])  # fmt: skip
def test_the_record_is_append_only_for_its_owner_too(record: Scene, owner: Connection, attack: str) -> None:
    with pytest.raises(Misconfigured, match="lacks a right"):
        raw(record, attack)
    with pytest.raises(Exception, match="append-only") as refused:
        owner.execute(attack.encode())
    assert getattr(refused.value, "sqlstate", "") == "JT002"


def test_number_time_and_hash_are_the_databases(record: Scene) -> None:
    """Whoever writes a line by hand gets the next link, whatever they say."""
    columns = "workspace_id, number, at, hash, type, actor_type, actor_id, subject_type, subject_id"
    raw(record, f"insert into jobtrail.administration_events ({columns}) values "
        "(%s, 77, '2001-01-01', '', 'key.created', 'user', 'eve', 'key', 'x')", (WORKSPACE,))  # fmt: skip
    last = told(record)[-1]
    assert last.number == 11 and last.at.year > 2001 and len(last.hash) == 32
    assert record.do(administration.breaks()) == []


def test_who_writes_at_once_makes_one_chain(database: Database, scene: Scene) -> None:
    made = [key(scene)[0].id for _ in range(40)]

    def revoke(mine: list[object]) -> None:
        with closing(database.connect()) as conn:
            for id in mine:
                run(conn, keys.revoke(WORKSPACE, id, ME), SERVES_ALL)  # type: ignore[arg-type]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(revoke, [made[n::4] for n in range(4)]))
    assert [line.number for line in told(scene)] == list(range(1, 81))
    assert scene.do(administration.breaks()) == []


def test_who_speaks_for_several_workspaces_at_once_does_not_deadlock(database: Database, scene: Scene) -> None:
    """People are recorded in each of their workspaces: in one order, whoever it is."""
    other(scene)
    ann = person(scene, "ann", Role.OWNER)
    bob = person(scene, "bob", Role.OWNER, OTHER)
    for one, workspace in ((ann, OTHER), (bob, WORKSPACE)):
        scene.do(memberships.add(workspace, one, Role.VIEWER, ME, ALL))

    def act(order: tuple[UUID, UUID]) -> None:
        with closing(database.connect()) as conn:
            for _ in range(15):
                for one in order:
                    run(conn, users.disable(one, ME), SERVES_ALL)
                    run(conn, users.set_password(one, HASHED, ME), SERVES_ALL)
                    run(conn, users.enable(one, ME), SERVES_ALL)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(act, [(ann, bob), (bob, ann)] * 2))
    assert scene.do(administration.breaks()) == []
    assert words(scene, INSTALLATION).count("user.password_set") == 4 * 15 * 2


def test_a_workspace_reads_its_own_record_only(database: Database, record: Scene) -> None:
    with closing(database.connect(str(OTHER))) as theirs:
        scope = Scope.of(OTHER)
        assert len(run(theirs, administration.listed(OTHER), scope)) == 2
        assert run(theirs, administration.listed(WORKSPACE), scope) == []
        assert run(theirs, administration.listed(INSTALLATION), scope) == []
