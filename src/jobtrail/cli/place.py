"""What a command works on: a server, the configured database, or the embedded one of this folder, started and migrated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from jobtrail import settings
from jobtrail.cli.flags import Flags
from jobtrail.cli.telling import Usage, notice, with_fix
from jobtrail.client import DEFAULT_WORKSPACE, Client, JobsClient
from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured, NotFound, Unauthenticated
from jobtrail.service import queues
from jobtrail.store import binaries, embedded, migrate
from jobtrail.store.embedded_home import find_place
from jobtrail.store.pool import Database, Dial, connect

NOT_MEANT: Final = ("JOBTRAIL_QUEUE ", "JOBTRAIL_ALL_WORKSPACES ")
"""Variables that are twins of options, though settings of nearly the same name exist."""


_PATIENCE: Final = timedelta(seconds=5)
"""How long a command waits for a server that is away: somebody sits before it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database that is there and fits this program. The URLs hold passwords: never print them."""

    config: Config
    url: str = field(repr=False)
    server: embedded.Server | None = None

    @property
    def name(self) -> str:
        """What to call it in front of people."""
        if self.server is None:
            return "the database of JOBTRAIL_DATABASE_URL"
        major, minor = self.server.version
        return f"PostgreSQL {major}.{minor} embedded in {self.config.home}"

    def dial(self, workspace: str, name: str) -> Dial:
        """How to reach it for one workspace, or for all."""
        return Dial(url=self.url, workspace=workspace, name=name, pgbouncer=self.config.pgbouncer)


def configured(flags: Flags, more: Mapping[str, object] | None = None) -> Config:
    """The settings, those of the command line last. Notices go to stderr."""
    config = settings.load(flags.settings(**(more or {})))
    for line in config.notices:
        if not line.startswith(NOT_MEANT) and not (line.startswith("DATABASE_URL") and config.database_url):
            notice(f"notice: {line}")
    return config


@contextmanager
def opened(config: Config, *, make: bool = False) -> Iterator[Place]:
    """The database for the length of a block. `make`: an embedded one is made where there is none.

    A database of the user's own is never migrated here; its tables must fit. Raises Misconfigured, Unavailable.
    """
    if config.database_url:
        with closing(connect(Dial(url=config.database_url, pgbouncer=config.pgbouncer))) as conn:
            migrate.check(conn)
        yield Place(config, config.database_url)
        return
    if not make and not has_embedded(config.home):
        if config.server_url:
            raise with_fix(
                Misconfigured("this needs the database itself, and only a server is named here"),
                "do it where the database can be reached, with JOBTRAIL_DATABASE_URL=postgresql://user@host/database",
            )
        raise with_fix(
            Misconfigured("there is no database here yet"),
            "set JOBTRAIL_DATABASE_URL, or start the embedded one of this folder: jobtrail dev",
        )
    with embedded.running(config.home, binaries=programs_of(config), say=notice) as server:
        migrated(server)
        yield Place(config, server.app_url, server)


@contextmanager
def client(flags: Flags) -> Iterator[JobsClient]:
    """A client of what the settings name, a server or a database, for the length of a block."""
    with reached(configured(flags), flags) as found:
        yield found


@contextmanager
def reached(config: Config, flags: Flags) -> Iterator[JobsClient]:
    """The same for settings that were read. Raises Usage where the command line names both."""
    server = server_of(config, flags)
    if server is None:
        with opened(config) as place, client_of(place) as found:
            yield found
        return
    from jobtrail.client.remote import RemoteClient

    if flags.workspace is not None:
        raise Usage("--workspace goes with a database; to a server the API key says which workspace it is")
    with RemoteClient(server, config.api_key, patience=_PATIENCE) as remote:
        try:
            yield remote
        except Unauthenticated as error:
            raise with_fix(error, "set JOBTRAIL_API_KEY to a key of this server that holds") from None


def server_of(config: Config, flags: Flags) -> str | None:
    """The server to speak to, None for the database: what was typed, else the server of the settings."""
    if flags.server_url is not None and flags.database_url is not None:
        raise Usage("--server-url and --database-url both say where the jobs are; give one of them")
    return None if flags.database_url is not None else config.server_url


@contextmanager
def client_of(place: Place) -> Iterator[Client]:
    """A client of the place's workspace."""
    with Client(place.url, workspace=workspace_id(place), pgbouncer=place.config.pgbouncer) as found:
        yield found


def workspace_id(place: Place) -> UUID:
    """The id of the workspace that the settings name. Raises NotFound."""
    name = place.config.workspace
    if name == "default":
        return DEFAULT_WORKSPACE
    with Database(place.dial("*", "jobtrail"), size=1) as database:
        found = database.run(queues.workspace(name))
    if found is None:
        raise NotFound(f"there is no workspace {name!r} in this database")
    return found


def has_embedded(home: Path) -> bool:
    """Whether an embedded database was made for this folder."""
    found = find_place(home)
    return found is not None and found.data.exists()


def migrated(server: embedded.Server) -> int:
    """Brings the tables of the embedded database to what this program needs; answers how many steps it took."""
    with closing(connect(Dial(url=server.owner_url))) as conn:
        return len(migrate.up(conn)) if migrate.plan(conn) else 0


def programs_of(config: Config) -> binaries.Binaries | None:
    """The PostgreSQL that the settings name; None: the best that is found."""
    return None if config.postgres_bin is None else binaries.find(config.postgres_bin)
