"""The audit's tests have a server of their own: a seal waits for every transaction of the server, other tests' too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from database import TestServer, new_home, remove_home, test_server


@pytest.fixture(scope="package")
def database_server() -> Iterator[TestServer]:
    """A PostgreSQL server that no other test works on."""
    home = new_home()
    try:
        with test_server(home) as server:
            yield server
    finally:
        remove_home(home)
