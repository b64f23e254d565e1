"""What every test of the `claude` runner may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from claude.studio import Studio
from claude.studio import studio as make_studio
from database import Database


@pytest.fixture
def studio(database: Database, tmp_path: Path) -> Iterator[Studio]:
    """A worker's surroundings with a stand-in for the program."""
    with make_studio(database, tmp_path) as studio:
        yield studio
