"""Where commands administer: the database for all workspaces, the workspace that is meant, who acts, who is meant.
Whoever reaches the database from the command line may do everything; what a key may is checked at the other doors."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from jobtrail.cli import place
from jobtrail.cli.flags import Flags
from jobtrail.cli.telling import Usage, with_fix
from jobtrail.client import DEFAULT_WORKSPACE
from jobtrail.client.here import whoever_is_here
from jobtrail.core.access import LoginFacts
from jobtrail.core.errors import Invalid, NotFound
from jobtrail.core.model import Actor
from jobtrail.core.scopes import ApiScope, Role
from jobtrail.service import queues, users
from jobtrail.store.db import ALL
from jobtrail.store.pool import Database
from jobtrail.store.query import Flow, Query

T = TypeVar("T")

EVERYTHING: Final = frozenset(ApiScope)
PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Office:
    """A connection that serves all workspaces, and who uses it."""

    database: Database
    workspace_name: str
    actor: Actor

    def do(self, work: Query[T] | Flow[T]) -> T:
        """Runs a verb."""
        return self.database.run(work)

    def workspace(self, name: str | None = None) -> UUID:
        """The id of a workspace, of the one of the settings where none is named. Raises NotFound."""
        wanted = name or self.workspace_name
        found = self.do(queues.workspace(wanted))
        if found is None and wanted == "default":
            return DEFAULT_WORKSPACE  # as for jobs: it goes by this name even after it got another one
        if found is None:
            raise with_fix(NotFound(f"there is no workspace {wanted!r} in this database"), "jobtrail workspace list")
        return found

    def person(self, email: str) -> LoginFacts:
        """Somebody by their e-mail. Raises NotFound."""
        found = self.do(users.by_email(email))
        if found is None:
            raise with_fix(NotFound(f"nobody has the e-mail {email}"), f"jobtrail user create {email}")
        return found

    def every(self, page: Callable[[T | None], Query[list[T]]]) -> list[T]:
        """All pages of a list; `page` makes the query of the page after an item."""
        found: list[T] = []
        while True:
            more = self.do(page(found[-1] if found else None))
            found += more
            if len(more) < PAGE:
                return found


@contextmanager
def opened(flags: Flags) -> Iterator[Office]:
    """The office for the length of a block."""
    config = place.configured(flags)
    with place.opened(config) as here, Database(here.dial(ALL, "jobtrail"), size=1) as database:
        yield Office(database, config.workspace, whoever_is_here())


def role_of(text: str) -> Role:
    """A role in upper or lower case. Raises Usage."""
    try:
        return Role(text.upper())
    except ValueError:
        raise Usage(f"{text!r} is no role; there are {', '.join(Role)}") from None


def secret_from_stdin(what: str) -> str:
    """A password: asked for twice on a terminal, else the first line of stdin; never an argument, which others can see."""
    if not sys.stdin.isatty():
        given = sys.stdin.readline().rstrip("\r\n")
        if not given:
            raise with_fix(
                Usage(f"{what} is read from stdin, and nothing came"), "type it in a terminal, or pipe it in"
            )
        return given
    given = getpass.getpass(f"{what}: ", stream=sys.stderr)
    if getpass.getpass(f"{what}, once more: ", stream=sys.stderr) != given:
        raise Invalid("the two are not the same; nothing was done")
    return given


def now() -> datetime:
    """The time here, for what is shown; what holds is decided by the database's clock."""
    return datetime.now(UTC)


def parts(given: Sequence[str]) -> list[str]:
    """Values that were given with commas, or each with an option."""
    return [part.strip() for value in given for part in value.split(",") if part.strip()]
