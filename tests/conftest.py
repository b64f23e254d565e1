"""What every test may ask for: a database of its own, a connection, the clock, and quick ways to set a scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from database import Clock, Connection, Database, TestServer, new_home, remove_home, test_server
from hypothesis import settings
from scene import WORKSPACE, Scene

HOME = pytest.StashKey[Path]()

# How long an example takes says more of the machine than of the code.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the others names the directory of the server that they share."""
    given = getattr(config, "workerinput", {}).get("jobtrail_home")
    config.stash[HOME] = Path(given) if given else new_home()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Called by pytest-xdist for each process that it starts."""
    node.workerinput["jobtrail_home"] = str(node.config.stash[HOME])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and HOME in config.stash:
        remove_home(config.stash[HOME])


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config) -> Iterator[TestServer]:
    """The run's PostgreSQL server."""
    with test_server(pytestconfig.stash[HOME]) as server:
        yield server


@pytest.fixture
def database(database_server: TestServer) -> Iterator[Database]:
    """A migrated database of the test's own."""
    with database_server.database() as database:
        yield database


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    """A connection as the application has it, which serves all workspaces."""
    with closing(database.connect()) as conn:
        yield conn


@pytest.fixture
def owner(database: Database) -> Iterator[Connection]:
    """A connection of the role that owns the tables."""
    with closing(database.as_owner()) as conn:
        yield conn


@pytest.fixture
def admin(database: Database) -> Iterator[Connection]:
    """A connection of a superuser, whom no rule binds."""
    with closing(database.as_admin()) as conn:
        yield conn


@pytest.fixture
def clock(owner: Connection) -> Clock:
    """The database's clock, stopped: time passes when the test says so."""
    clock = Clock(owner)
    clock.freeze()
    return clock


@pytest.fixture
def workspace() -> UUID:
    """The workspace that every database begins with."""
    return WORKSPACE


@pytest.fixture
def scene(conn: Connection) -> Scene:
    """Quick ways to get jobs, workers and attempts to where a test needs them."""
    return Scene(conn)
