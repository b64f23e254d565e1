"""The real programs, which `make interop` installs, and a machine whose workers run them against our stand-in of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from claude.station import Station, station
from database import Database
from interop.messages_api import KEY, Answer, Fault, MessagesApi, Story

OTHERS = Path(__file__).parents[2] / ".interop" / "node_modules"
Opened = Callable[..., tuple[Station, MessagesApi]]


def program(name: str) -> Path:
    """A program of the folder; without it nothing here says anything."""
    path = OTHERS / ".bin" / name
    assert path.exists(), f"{path} is not there: these tests are run by `make interop`, which installs it"
    return path


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[Opened]:
    """Opens a machine without workers yet, where Claude Code hears a story. More of the environment may be named."""
    with ExitStack() as stack:

        def open_one(story: Story | Sequence[Answer | Fault], **environment: Any) -> tuple[Station, MessagesApi]:
            api = stack.enter_context(MessagesApi(story))
            usual = {
                "JOBTRAIL_CLAUDE_PATH": str(program("claude")),
                "ANTHROPIC_BASE_URL": api.url,
                "ANTHROPIC_API_KEY": KEY,
            }
            there = stack.enter_context(station(database, tmp_path, usual | environment))
            return there, api

        yield open_one
