"""Migrations go up, down and up again, make the schema that is checked in, and refuse what does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from database import Connection, Database, TestServer
from law.schema_dump import HEAD, SCHEMA, dumped

from jobtrail.core.errors import Misconfigured, StaleSchema
from jobtrail.core.render import moves_sql
from jobtrail.store import migrate
from jobtrail.store.query import statement

NUMBERS = [migration.number for migration in migrate.migrations()]


@pytest.fixture
def empty(database_server: TestServer) -> Iterator[Database]:
    """A database as `create database` leaves it."""
    with database_server.database(template="template0") as database:
        yield database


@pytest.fixture
def owner_of_empty(empty: Database) -> Iterator[Connection]:
    with closing(empty.as_owner()) as owner:
        yield owner


def test_up_down_and_up_again_leaves_the_same_schema(empty: Database, owner_of_empty: Connection) -> None:
    nothing = dumped(empty)
    migrate.up(owner_of_empty)
    first = dumped(empty)
    assert [one.number for one in migrate.down(owner_of_empty)] == NUMBERS[::-1]
    assert dumped(empty) == nothing != first
    assert [one.number for one in migrate.up(owner_of_empty)] == NUMBERS
    assert dumped(empty) == first


@pytest.mark.parametrize("number", NUMBERS[1:])
def test_each_step_down_takes_back_exactly_its_step_up(
    empty: Database, owner_of_empty: Connection, number: int
) -> None:
    migrate.up(owner_of_empty, to=number - 1)
    before = dumped(empty, rights=False)
    migrate.up(owner_of_empty, to=number)
    assert migrate.version(owner_of_empty) == number
    migrate.down(owner_of_empty, to=number - 1)
    assert dumped(empty, rights=False) == before


def test_down_works_on_tables_that_hold_jobs(database: Database, owner: Connection, conn: Connection) -> None:
    conn.execute("select set_config('jobtrail.workspace', '*', false)")
    conn.execute("insert into jobtrail.jobs (workspace_id, id, type, status) "
                 "select id, gen_random_uuid(), 'x', 'QUEUED' from jobtrail.workspaces")  # fmt: skip
    migrate.down(owner)
    migrate.up(owner)
    assert dumped(database) == SCHEMA.read_text().removeprefix(HEAD)


def test_the_schema_that_is_checked_in_is_the_one_that_the_migrations_make(database: Database) -> None:
    """When it is not: `python tests/law/schema_dump.py`."""
    assert SCHEMA.read_text() == HEAD + dumped(database)


def test_the_rendered_moves_are_fresh() -> None:
    """When they are not: `python -m jobtrail.core.render`."""
    assert statement("gen/moves").decode() == moves_sql()


def test_up_twice_changes_nothing(database: Database, owner: Connection) -> None:
    before = dumped(database)
    assert migrate.plan(owner) == [] == migrate.up(owner)
    assert dumped(database) == before


def test_many_programs_that_start_at_once_migrate_once(empty: Database) -> None:
    def start(_: int) -> list[int]:
        with closing(empty.as_owner()) as conn:
            return [one.number for one in migrate.up(conn)]

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(start, range(4)))
    assert sorted(done) == [[], [], [], NUMBERS]


def test_a_migration_that_was_applied_may_not_be_altered(owner: Connection) -> None:
    owner.execute("update jobtrail.migrations set sha256 = 'another' where number = 1")
    with pytest.raises(StaleSchema, match="migration 0001 first was applied with another text"):
        migrate.up(owner)


def test_a_migration_that_fails_leaves_nothing_behind(
    database: Database, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, known = dumped(database), migrate.migrations()
    broken = migrate.Migration(NUMBERS[-1] + 1, "broken", "create table jobtrail.half (); select 1 / 0", "")
    monkeypatch.setattr(migrate, "migrations", lambda: (*known, broken))
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.up(owner)
    assert (migrate.version(owner), dumped(database)) == (NUMBERS[-1], before)


def test_a_migration_needs_a_connection_that_commits_by_itself(database: Database) -> None:
    with closing(psycopg.connect(database.owner_url)) as conn, pytest.raises(Misconfigured, match="autocommit"):
        migrate.up(conn)


def test_the_application_fits_the_tables_that_it_needs(conn: Connection) -> None:
    migrate.check(conn)


def test_older_tables_are_refused_with_what_to_do(conn: Connection, owner: Connection) -> None:
    owner.execute("delete from jobtrail.migrations where number = %s", (NUMBERS[-1],))
    with pytest.raises(StaleSchema, match=f"are version {NUMBERS[-2]}, .* needs {NUMBERS[-1]}; run `jobtrail db up`"):
        migrate.check(conn)


def test_newer_tables_are_refused_with_what_to_do(conn: Connection, owner: Connection) -> None:
    owner.execute("insert into jobtrail.migrations (number, name, sha256) values (9999, 'from tomorrow', '')")
    with pytest.raises(StaleSchema, match=r"are version 9999, .*; upgrade jobtrail"):
        migrate.check(conn)


def test_a_database_without_tables_is_refused_with_what_to_do(empty: Database) -> None:
    with (
        closing(empty.connect()) as conn,
        pytest.raises(StaleSchema, match="no jobtrail tables yet; run `jobtrail db up`"),
    ):
        migrate.check(conn)


def test_a_superuser_is_refused(admin: Connection) -> None:
    with pytest.raises(Misconfigured, match="postgres is a superuser"):
        migrate.check(admin)


def test_a_role_that_bypasses_row_level_security_is_refused(database: Database, admin: Connection) -> None:
    admin.execute(f"create role bypasser login bypassrls password 'x' in role jobtrail_app; "
                  f"grant connect on database {database.name} to bypasser")  # fmt: skip
    url = database.app_url.split("://", 1)[1].split("@", 1)[1]
    try:
        with closing(psycopg.connect(f"postgresql://bypasser:x@{url}")) as conn:
            with pytest.raises(Misconfigured, match="bypasser is a role with BYPASSRLS"):
                migrate.check(conn)
    finally:
        admin.execute("drop owned by bypasser; drop role bypasser")


def test_a_server_that_is_too_old_is_refused(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "_OLDEST", conn.info.server_version + 1)
    with pytest.raises(Misconfigured, match="is too old"):
        migrate.check(conn)
