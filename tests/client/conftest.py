"""The same tests for every client: on the database directly, and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from database import Database
from serving import Served, served

from jobtrail.client import Client, JobsClient
from jobtrail.client.remote import RemoteClient


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    """The service, running."""
    with served(database, tmp_path) as running:
        yield running


@pytest.fixture
def remote(web: Served) -> Iterator[RemoteClient]:
    """A client over HTTP with a key that may do everything."""
    with RemoteClient(web.url, web.key()) as client:
        yield client


@pytest.fixture(params=["database", "http"])
def client(request: pytest.FixtureRequest, database: Database) -> Iterator[JobsClient]:
    """Each client in turn."""
    if request.param == "http":
        yield request.getfixturevalue("remote")
    else:
        with Client(database.app_url) as direct:
            yield direct
