"""Databases for tests: copies of one migrated template, made in some milliseconds, used once and dropped; and their clock.

The server is an embedded one of the test run's own, or one that the user names. Nothing here touches other databases.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from jobtrail.core.duration import parse
from jobtrail.core.errors import Misconfigured
from jobtrail.store import embedded, migrate
from jobtrail.store.db import ALL, translated

_TEMPLATE: Final = "jobtrail_template"
_TEMPLATE_LOCK: Final = 0x7465_6D70
_ROOM_BYTES: Final = 1 << 30
_NO_WAITING_FOR_DISKS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",  # no test lives long enough to need it
    "max_connections": "200",
    "shared_buffers": "64MB",
}


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database of one test. The URLs are those of the application's role and of the owner of the tables."""

    name: str
    app_url: str = field(repr=False)
    owner_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Access:
    """How to reach the server: to make databases, as their owner, and as the application."""

    admin_url: str = field(repr=False)
    owner: str
    owner_url: str = field(repr=False)
    app_url: str = field(repr=False)


class Server:
    """Makes databases and drops them. The template is made when the first is wanted."""

    def __init__(self, access: _Access, template: str) -> None:
        self._access, self._template = access, template
        self._admin = psycopg.connect(access.admin_url, autocommit=True)
        self._names = (f"jobtrail_test_{secrets.token_hex(4)}_{n}" for n in count(1))
        self._ready = False

    def create(self) -> Database:
        """A new database with all tables and one workspace."""
        if not self._ready:
            self._make_template()
        return self._copy(next(self._names), self._template)

    def drop(self, database: Database) -> None:
        """Drops it, whoever is connected."""
        self._drop(database.name)

    def close(self, *, keep_template: bool) -> None:
        """Closes the connection, and drops the template where nobody else uses it."""
        with closing(self._admin):
            if self._ready and not keep_template:
                self._drop(self._template)

    def _copy(self, name: str, template: str) -> Database:
        statement = sql.SQL("create database {} owner {} template {}")
        owner = sql.Identifier(self._access.owner)
        self._admin.execute(statement.format(sql.Identifier(name), owner, sql.Identifier(template)))
        urls = (make_conninfo(url, dbname=name) for url in (self._access.app_url, self._access.owner_url))
        return Database(name, *urls)

    def _drop(self, name: str) -> None:
        self._admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _make_template(self) -> None:
        """One process makes it, the others wait. Its name appears when it is complete."""
        with self._admin.cursor() as cur:
            cur.execute("select pg_advisory_lock(%s)", (_TEMPLATE_LOCK,))
            try:
                if cur.execute("select from pg_database where datname = %s", (self._template,)).fetchone() is None:
                    draft = self._copy(next(self._names), "template0")
                    with closing(psycopg.connect(draft.owner_url, autocommit=True)) as owner:
                        migrate.up(owner)
                    names = sql.Identifier(draft.name), sql.Identifier(self._template)
                    cur.execute(sql.SQL("alter database {} rename to {}").format(*names))
            finally:
                cur.execute("select pg_advisory_unlock(%s)", (_TEMPLATE_LOCK,))
        self._ready = True


def new_home() -> Path:
    """Where a test run's own server may lie: any account can reach it, and it is in memory where there is room,
    because copying a database is copying some hundred files. Nothing is made yet; the name cannot be guessed."""
    memory = Path("/dev/shm")  # noqa: S108  (a name that nobody can guess)
    fits = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM_BYTES
    folder = memory if fits else Path(tempfile.gettempdir()).resolve()
    return folder / f"jobtrail-tests-{secrets.token_hex(8)}"


def remove_home(home: Path) -> None:
    """Ends a server that a process that died left running, and removes its directory."""
    if home.exists():
        embedded.stop_now(home / "home")
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def own_server(home: Path) -> Iterator[Server]:
    """The run's own server, started by the first process that wants it and stopped by the last that leaves."""
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    with embedded.running(home / "home", settings=_NO_WAITING_FOR_DISKS) as running:
        server = Server(_Access(running.admin_url, embedded.OWNER, running.owner_url, running.app_url), _TEMPLATE)
        try:
            yield server
        finally:
            server.close(keep_template=True)


@contextmanager
def given_server(url: str) -> Iterator[Server]:
    """A server that the user names, with a role that may make databases. All that was made is dropped at the end.

    A superuser makes a role for the time of the run, for row-level security does not bind superusers.
    """
    run = f"jobtrail_test_{secrets.token_hex(4)}"
    try:
        with psycopg.connect(url, autocommit=True) as admin:
            access, role = _access(admin, url, run)
    except psycopg.Error as error:
        raise translated(error) from error
    try:
        server = Server(access, f"{run}_template")
        try:
            yield server
        finally:
            server.close(keep_template=False)
    finally:
        if role is not None:
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def _access(admin: psycopg.Connection[Any], url: str, run: str) -> tuple[_Access, str | None]:
    me = admin.execute(
        "select rolname, rolsuper, rolcreatedb, rolbypassrls from pg_roles where rolname = current_user"
    ).fetchone()
    name, is_super, makes_databases, bypasses = me or ("?", False, False, False)
    if not is_super and (bypasses or not makes_databases):
        raise Misconfigured(
            f"tests cannot use role {name} of the given database: it must be able to make databases "
            f"(alter role {name} createdb), and be bound by row-level security"
        )
    if not is_super:
        return _Access(url, name, url, url), None
    password = secrets.token_urlsafe(24)
    verifier = admin.pgconn.encrypt_password(password.encode(), run.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("create role {} login nosuperuser nobypassrls password {}")
    admin.execute(statement.format(sql.Identifier(run), sql.Literal(verifier)))
    theirs = make_conninfo(url, user=run, password=password)
    return _Access(url, run, theirs, theirs), run


class Clock:
    """The clock of one database, by which leases, timers and the trail go. It runs until it is stopped."""

    def __init__(self, database: Database) -> None:
        self._url = database.owner_url
        self._owner: psycopg.Connection[Any] | None = None
        self.frozen = False

    @property
    def now(self) -> datetime:
        """What the database takes the time for."""
        row = self._connected().execute("select jobtrail.clock()").fetchone()
        now: datetime = row[0] if row else datetime.min.replace(tzinfo=UTC)
        return now.astimezone(UTC)

    def freeze(self, at: datetime | None = None) -> datetime:
        """Stops the clock, now or at a time; answers that time."""
        at = at or self.now
        self._replace(sql.SQL("timestamptz {}").format(sql.Literal(at.isoformat())))
        self.frozen = True
        return at

    def advance(self, by: str | float | timedelta) -> datetime:
        """Puts the clock forward: `advance("2h")`. It stands afterwards; answers the new time."""
        return self.freeze(self.now + parse(by))

    def thaw(self) -> None:
        """Lets the clock run again, by the real time."""
        self._replace(sql.SQL("clock_timestamp()"))
        self.frozen = False

    def close(self) -> None:
        """Closes the connection."""
        if self._owner is not None:
            self._owner.close()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._owner is None or self._owner.closed:
            self._owner = psycopg.connect(self._url, autocommit=True, options=f"-c jobtrail.workspace={ALL}")
        return self._owner

    def _replace(self, body: sql.Composable) -> None:
        statement = sql.SQL(
            "create or replace function jobtrail.clock() returns timestamptz language sql volatile parallel safe "
            "as $$ select {} $$"
        )
        self._connected().execute(statement.format(body))
