"""A server on the test's database, and a client of it with a key that may do everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from database import Database
from serving import Served, served


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[Served]:
    """The service, running."""
    with served(database, tmp_path) as running:
        yield running


@pytest.fixture
def http(web: Served) -> httpx2.Client:
    """A client with a key that may do everything in the default workspace."""
    return web.client()
