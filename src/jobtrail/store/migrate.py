"""Brings the tables to a version: numbered pairs of SQL files, one at a time, under an advisory lock.

What is rendered (`sql/gen`: the guard of moves, the rights of the app role) is written anew after every step up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from jobtrail.core.errors import Misconfigured, StaleSchema

_LOCK: Final = 0x6A6F_6274_7261_696C  # "jobtrail"
_OLDEST: Final = 150_000
_NO_TRANSACTION: Final = "-- no-transaction"

_BOOK: Final = b"""
create table if not exists jobtrail.migrations (
  number integer primary key,
  name text not null,
  sha256 text not null,
  applied_at timestamptz not null default clock_timestamp()
)"""


@dataclass(frozen=True, slots=True)
class Migration:
    """A numbered pair of files."""

    number: int
    name: str
    up: str
    down: str

    @property
    def sha256(self) -> str:
        """Tells whether the file that was applied is the one that is here."""
        return hashlib.sha256(self.up.encode()).hexdigest()


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations that this program knows, in order."""
    folder = files("jobtrail.sql") / "migrations"
    found = []
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.endswith(".up.sql"):
            stem = path.name.removesuffix(".up.sql")
            down = (folder / f"{stem}.down.sql").read_text("utf-8")
            found.append(Migration(int(stem[:4]), stem[5:], path.read_text("utf-8"), down))
    return tuple(found)


def latest() -> int:
    """The version that this program needs."""
    return migrations()[-1].number


def version(conn: psycopg.Connection[Any]) -> int:
    """The version that the tables have; 0 when there are none."""
    with conn.cursor(row_factory=tuple_row) as cur:
        cur.execute(b"select to_regclass('jobtrail.migrations')")
        row = cur.fetchone()
        if row is None or row[0] is None:
            return 0
        cur.execute(b"select coalesce(max(number), 0) from jobtrail.migrations")
        row = cur.fetchone()
        return int(row[0]) if row else 0


def check(conn: psycopg.Connection[Any]) -> None:
    """Raises unless server, role and tables fit this program: one sentence that says what to do."""
    if conn.info.server_version < _OLDEST:
        raise Misconfigured(f"PostgreSQL {conn.info.server_version // 10_000} is too old; jobtrail needs 15 or newer.")
    with conn.cursor(row_factory=tuple_row) as cur:
        cur.execute(b"select rolname, rolsuper, rolbypassrls from pg_roles where rolname = current_user")
        row = cur.fetchone()
    if row is not None and (row[1] or row[2]):
        what = "a superuser" if row[1] else "a role with BYPASSRLS"
        raise Misconfigured(
            f"the database role {row[0]} is {what}, for whom row-level security does not hold; "
            "connect as an ordinary role (`create role jobtrail_app login`)."
        )
    have = version(conn)
    if have == 0:
        raise StaleSchema("this database has no jobtrail tables yet; run `jobtrail db up`.")
    if have < latest():
        raise StaleSchema(f"the tables are version {have}, this program needs {latest()}; run `jobtrail db up`.")
    if have > latest():
        raise StaleSchema(f"the tables are version {have}, this program knows {latest()}; upgrade jobtrail.")


def up(conn: psycopg.Connection[Any], to: int | None = None) -> list[Migration]:
    """Applies what is missing up to `to` (all) and answers it. `conn` must be in autocommit and may create schemas.

    Waits at most 5 s for each table lock, so that a busy queue is never blocked behind a migration: then run it again.
    """
    done = []
    with _alone(conn):
        conn.execute(b"create schema if not exists jobtrail")
        conn.execute(_BOOK)
        have = version(conn)
        _hold_against_files(conn)
        for migration in migrations():
            if have < migration.number <= (latest() if to is None else to):
                _apply(conn, migration.up)
                conn.execute(
                    b"insert into jobtrail.migrations (number, name, sha256) values (%s, %s, %s)",
                    (migration.number, migration.name, migration.sha256),
                )
                done.append(migration)
        _render(conn)
    return done


def down(conn: psycopg.Connection[Any], to: int = 0) -> list[Migration]:
    """Takes back what is above `to`, newest first; at 0 the schema goes too. Data in dropped tables is lost."""
    done = []
    with _alone(conn):
        have = version(conn)
        for migration in reversed(migrations()):
            if to < migration.number <= have:
                _apply(conn, migration.down)
                conn.execute(b"delete from jobtrail.migrations where number = %s", (migration.number,))
                done.append(migration)
        if to == 0:
            conn.execute(b"drop table if exists jobtrail.migrations")
            conn.execute(b"drop schema if exists jobtrail")
    return done


def plan(conn: psycopg.Connection[Any]) -> list[Migration]:
    """What `up` would apply."""
    have = version(conn)
    return [migration for migration in migrations() if migration.number > have]


@contextmanager
def _alone(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """Holds the advisory lock of migrations, so that ten starting programs migrate once."""
    if not conn.autocommit:
        raise Misconfigured("migrations need a connection in autocommit, for some may not run in a transaction.")
    conn.execute(b"select pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        if not conn.closed:
            conn.execute(b"select pg_advisory_unlock(%s)", (_LOCK,))


def _apply(conn: psycopg.Connection[Any], text: str) -> None:
    body = text.encode()
    if text.startswith(_NO_TRANSACTION):
        conn.execute(body, prepare=False)
        return
    with conn.transaction():
        conn.execute(b"set local lock_timeout = '5s'")
        conn.execute(body, prepare=False)
        if b"create type jobtrail.job_status" in body:
            conn.execute(_generated("moves"), prepare=False)


def _render(conn: psycopg.Connection[Any]) -> None:
    if version(conn) == 0:
        return
    with conn.transaction():
        conn.execute(_generated("moves"), prepare=False)
        conn.execute(_generated("rights"), prepare=False)


def _generated(name: str) -> bytes:
    return (files("jobtrail.sql") / "gen" / f"{name}.sql").read_bytes()


def _hold_against_files(conn: psycopg.Connection[Any]) -> None:
    """A migration that was applied must still read as it did then."""
    known = {migration.number: migration for migration in migrations()}
    with conn.cursor(row_factory=tuple_row) as cur:
        cur.execute(b"select number, name, sha256 from jobtrail.migrations order by number")
        for number, name, sha256 in cur.fetchall():
            if number in known and known[number].sha256 != sha256:
                raise StaleSchema(
                    f"migration {number:04} {name} was applied with another text than this program has; "
                    "restore the file, and put the change into a new migration."
                )
