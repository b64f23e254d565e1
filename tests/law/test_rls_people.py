"""Keys, members and the record of administration of one workspace are out of reach of another, whoever writes the SQL;
people, passwords and logins are the installation's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

import psycopg
import pytest
from database import Connection, Database
from scene import ME, WORKSPACE, Scene, ids
from service.people import ALL, OTHER, key, other, person, told

from jobtrail.core.scopes import Role
from jobtrail.service import keys, login_sessions, memberships, users
from jobtrail.store.db import Scope, run


@pytest.fixture
def ann(scene: Scene) -> UUID:
    """A member of ours, with a key and a login."""
    user = person(scene, "ann", Role.OWNER)
    key(scene, user_id=user)
    scene.do(login_sessions.begin(user, bytes(32), login_sessions.IDLE, id=ids.new()))
    scene.do(login_sessions.failed("ann@example.org", "198.51.100.7"))
    return user


@pytest.fixture
def eve(scene: Scene) -> UUID:
    """A member of the other workspace, with a key."""
    user = person(scene, "eve", Role.OWNER, other(scene))
    key(scene, workspace=OTHER, user_id=user)
    return user


@pytest.fixture
def theirs(database: Database, ann: UUID, eve: UUID) -> Iterator[Connection]:
    """A connection of the other workspace."""
    with closing(database.connect(str(OTHER))) as conn:
        yield conn


def column(conn: Connection, query: str) -> set[object]:
    return {row[0] for row in conn.execute(query.encode()).fetchall()}


@pytest.mark.parametrize("table", ["api_keys", "memberships", "administration_events"])
def test_only_ones_own_rows_are_there(theirs: Connection, table: str) -> None:
    assert column(theirs, f"select workspace_id from jobtrail.{table}") == {OTHER}


def test_only_ones_own_members_are_there(theirs: Connection, eve: UUID) -> None:
    assert column(theirs, "select id from jobtrail.users") == {eve}


@pytest.mark.parametrize("table", ["passwords", "login_sessions", "login_failures"])
def test_what_opens_the_door_is_not_there_for_a_workspace(theirs: Connection, conn: Connection, table: str) -> None:
    assert column(conn, f"select true from jobtrail.{table}") == {True}
    assert column(theirs, f"select true from jobtrail.{table}") == set()


CHANGES = {
    "revoking a key": "update jobtrail.api_keys set revoked_at = now()",
    "reviving a key": "update jobtrail.api_keys set expires_at = null",
    "raising a role": "update jobtrail.memberships set role = 'VIEWER'",
    "removing a member": "delete from jobtrail.memberships",
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_everything_reaches_ones_own_only(theirs: Connection, admin: Connection, what: str) -> None:
    table = CHANGES[what].split(" set ")[0].split()[-1]
    query = f"select t::text from {table} t where workspace_id = '{WORKSPACE}'"
    before = column(admin, query)
    done = theirs.execute(CHANGES[what].encode())
    assert done.rowcount == 1 and before and column(admin, query) == before


REFUSED = {
    "a key for another workspace": "insert into jobtrail.api_keys (workspace_id, id, name, secret_hash, scopes, created_by) "
    "values (%(ours)s, gen_random_uuid(), 'x', sha256(''), '{jobs:read}', 'x')",
    "a key for a person elsewhere": "insert into jobtrail.api_keys (workspace_id, id, user_id, name, secret_hash, scopes, "
    "created_by) select workspace_id, gen_random_uuid(), %(ann)s, 'x', sha256(''), '{jobs:read}', 'x' from jobtrail.memberships",
    "a member from elsewhere": "insert into jobtrail.memberships select workspace_id, %(ann)s, 'OWNER' from jobtrail.memberships",
    "a member for another workspace": "insert into jobtrail.memberships values (%(ours)s, %(eve)s, 'OWNER')",
    "a line in another record": "insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, "
    "subject_type, subject_id) values (%(ours)s, 'key.created', 'user', 'eve', 'key', 'x')",
    "a line in the installation's record": "insert into jobtrail.administration_events (workspace_id, type, actor_type, "
    "actor_id, subject_type, subject_id) values (%(nil)s, 'login.failed', 'user', 'eve', 'key', 'x')",
    "a key that moves": "update jobtrail.api_keys set workspace_id = %(ours)s",
    "a membership that moves": "update jobtrail.memberships set workspace_id = %(ours)s",
    "a key that grows": "update jobtrail.api_keys set scopes = scopes || '{keys:write}'",
    "a key that changes hands": "update jobtrail.api_keys set user_id = null",
    "a person": "insert into jobtrail.users (id, email, name) values (gen_random_uuid(), 'x@y', 'x')",
    "a password": "insert into jobtrail.passwords (user_id, hash) values (%(eve)s, repeat('x', 99))",
    "a login": "insert into jobtrail.login_sessions (id, user_id, token_hash, expires_at) "
    "values (gen_random_uuid(), %(ann)s, sha256(''), now() + interval '1 day')",
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_workspace_cannot_write(theirs: Connection, ann: UUID, eve: UUID, what: str) -> None:
    with pytest.raises(psycopg.DatabaseError) as refused:
        theirs.execute(REFUSED[what].encode(), {"ours": WORKSPACE, "nil": UUID(int=0), "ann": ann, "eve": eve})
    assert refused.value.sqlstate in ("42501", "JT002"), refused.value


def test_a_member_who_is_shut_out_by_a_workspace_is_the_same_elsewhere(
    theirs: Connection, ann: UUID, eve: UUID
) -> None:
    """People are changed by the installation only, fellow members included."""
    assert theirs.execute("update jobtrail.users set disabled_at = now()").rowcount == 0
    assert theirs.execute("update jobtrail.passwords set hash = repeat('x', 99)").rowcount == 0


def test_a_key_that_is_bound_to_a_person_elsewhere_opens_nothing(
    scene: Scene, conn: Connection, ann: UUID, eve: UUID
) -> None:
    """No workspace can make one; and what a key may is asked of the membership, which is not there."""
    stolen = ids.new()
    conn.execute(
        "insert into jobtrail.api_keys (workspace_id, id, user_id, name, secret_hash, scopes, created_by) "
        "values (%s, %s, %s, 'x', sha256(''), '{jobs:read}', 'eve')",
        (OTHER, stolen, ann),
    )
    facts = scene.do(keys.authenticate(stolen))
    assert facts is not None and (facts.workspace_id, facts.role) == (OTHER, None)
    assert scene.do(keys.alive([stolen])) == frozenset()


def test_a_workspace_learns_how_somebody_is_called_when_they_come(scene: Scene, conn: Connection) -> None:
    """Anybody's e-mail can be added."""
    user = scene.do(users.create(ids.new(), "ada@example.org", "Ada Lovelace", None, ME)).id
    scene.do(memberships.add(WORKSPACE, user, Role.VIEWER, ME, ALL))

    def called() -> list[str]:
        return [one.name for one in run(conn, memberships.listed(WORKSPACE), Scope.of(WORKSPACE))]

    assert called() == ["ada"]
    scene.do(login_sessions.begin(user, bytes(32), login_sessions.IDLE, id=ids.new()))
    assert called() == ["Ada Lovelace"]
    assert told(scene)[-1].payload == {"user_id": str(user)}, "from where they come is told to the installation only"


def test_who_speaks_for_nobody_reads_nothing(database: Database, ann: UUID) -> None:
    with closing(database.connect(None)) as conn:
        for table in ("api_keys", "memberships", "administration_events", "users", "passwords", "login_sessions"):
            assert column(conn, f"select true from jobtrail.{table}") == set(), table


def test_the_numbers_of_one_record_tell_nothing_of_another(scene: Scene, ann: UUID, eve: UUID) -> None:
    assert [line.number for line in told(scene, OTHER)] == list(range(1, len(told(scene, OTHER)) + 1))
