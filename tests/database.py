"""One embedded server for all test processes, one migrated template a run, one copy of it for each test.
Nothing here stands in for PostgreSQL: what the tests see is what the program sees."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from jobtrail.store import binaries, embedded, migrate
from jobtrail.store.db import ALL

Connection = psycopg.Connection[Any]

OWNER = "jobtrail_owner"
TEMPLATE = "jobtrail_template"
TEMPLATE_LOCK = 0x7465_6D70
POSTGRES = "JOBTRAIL_TEST_POSTGRES"
NO_WAITING_FOR_DISKS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",  # no test lives long enough to need it
    "max_connections": "200",
    "shared_buffers": "128MB",
}
ROOM_BYTES = 2 * 1024**3


def new_home() -> Path:
    """A directory for the run's server, which any account can reach, unlike pytest's own.

    In memory where there is room: copying a database is copying 500 files, 15 ms there and 300 ms on a disk.
    """
    memory = Path("/dev/shm")
    fits = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_BYTES
    home = Path(tempfile.mkdtemp(prefix="jobtrail-tests-", dir=memory if fits else None)).resolve()
    home.chmod(0o755)
    return home


def remove_home(home: Path) -> None:
    """Ends the run's server if a process that died left it running, and removes its directory."""
    embedded.stop_now(home / "home")
    shutil.rmtree(home, ignore_errors=True)


def chosen_binaries() -> binaries.Binaries:
    """The PostgreSQL to test with: `wheel` (the one that we bring) or a major version of the system's."""
    wanted = os.environ.get(POSTGRES, "wheel")
    for found in binaries.candidates():
        if wanted in (found.source, str(found.version[0])):
            return found
    raise LookupError(f"{POSTGRES}={wanted}: there is no such PostgreSQL here")


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the test server. The URLs are those of its application, its owner and a superuser."""

    name: str
    app_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    admin_url: str = field(repr=False)

    def connect(self, scope: str | None = ALL, *, application: str = "test") -> Connection:
        """A connection as the application has it: in autocommit, with a standing scope (None: unset)."""
        options = "" if scope is None else f"-c jobtrail.workspace={scope}"
        return psycopg.connect(
            self.app_url, autocommit=True, prepare_threshold=0, options=options, application_name=application
        )

    def as_owner(self) -> Connection:
        """A connection of the role that owns the tables; bound by row-level security too, so it serves all."""
        return psycopg.connect(self.owner_url, autocommit=True, options=f"-c jobtrail.workspace={ALL}")

    def as_admin(self) -> Connection:
        """A connection that no rule binds: for looking behind the scenes and for playing a vandal."""
        return psycopg.connect(self.admin_url, autocommit=True)


class Clock:
    """The database's clock. It runs until a test stops it; then it stands for every connection alike."""

    def __init__(self, owner: Connection) -> None:
        self._owner = owner

    def now(self) -> datetime:
        """What the database takes the time for."""
        row = self._owner.execute("select jobtrail.clock()").fetchone()
        assert row is not None
        now: datetime = row[0]
        return now

    def freeze(self, at: datetime | None = None) -> datetime:
        """Stops the clock, at a time or now."""
        at = at or self.now()
        self._replace(sql.SQL("timestamptz {}").format(sql.Literal(at.isoformat())))
        return at

    def advance(self, by: timedelta | None = None, **parts: float) -> datetime:
        """Puts the stopped clock forward: `advance(seconds=5)`."""
        return self.freeze(self.now() + (by or timedelta(**parts)))

    def thaw(self) -> None:
        """Lets the clock run again."""
        self._replace(sql.SQL("clock_timestamp()"))

    def _replace(self, body: sql.Composable) -> None:
        self._owner.execute(
            sql.SQL(
                "create or replace function jobtrail.clock() returns timestamptz language sql volatile parallel safe "
                "as $$ select {} $$"
            ).format(body)
        )


class TestServer:
    """The run's server as one test process uses it: makes databases and drops them."""

    __test__ = False

    def __init__(self, server: embedded.Server) -> None:
        self.server = server
        self._admin = psycopg.connect(server.admin_url, autocommit=True)
        self._numbers = count(1)
        self._make_template()

    @contextmanager
    def database(self, *, template: str = TEMPLATE) -> Iterator[Database]:
        """A copy of the migrated template (or of `template0`) for the length of a block."""
        database = self.create(f"test_{os.getpid()}_{next(self._numbers)}", template)
        try:
            yield database
        finally:
            self._admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(database.name)))

    def create(self, name: str, template: str) -> Database:
        """A new database that belongs to the owner."""
        self._admin.execute(
            sql.SQL("create database {} owner {} template {}").format(
                sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
            )
        )
        server = self.server
        urls = (_to_database(url, name) for url in (server.app_url, server.owner_url, server.admin_url))
        return Database(name, *urls)

    def close(self) -> None:
        self._admin.close()

    def _make_template(self) -> None:
        """Once a run: the first process makes it, the others wait for it. Its name appears when it is complete."""
        with self._admin.cursor() as cur:
            cur.execute("select pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
            try:
                if cur.execute("select from pg_database where datname = %s", (TEMPLATE,)).fetchone() is None:
                    draft = self.create(f"draft_{os.getpid()}", "template0")
                    with closing(draft.as_owner()) as owner:
                        migrate.up(owner)
                    cur.execute(
                        sql.SQL("alter database {} rename to {}").format(
                            sql.Identifier(draft.name), sql.Identifier(TEMPLATE)
                        )
                    )
            finally:
                cur.execute("select pg_advisory_unlock(%s)", (TEMPLATE_LOCK,))


@contextmanager
def test_server(home: Path) -> Iterator[TestServer]:
    """Joins the run's server, or starts it; the last process that leaves stops it."""
    with embedded.running(home / "home", binaries=chosen_binaries(), settings=NO_WAITING_FOR_DISKS) as server:
        with closing(TestServer(server)) as mine:
            yield mine


test_server.__test__ = False  # type: ignore[attr-defined]  # no test, in spite of its name


def _to_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))
