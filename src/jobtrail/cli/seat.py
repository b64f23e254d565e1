"""Which `jobtrail dev` works in a folder: the first one has the seat, all others learn where its dashboard is."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

_FILE: Final = "dev.json"
_PATIENCE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05
_KNOCK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Seat:
    """The seat of a folder, or, where `holder` is set, word of whoever has it."""

    file: IO[str]
    holder: Holder | None = None

    def tell(self, address: str) -> None:
        """Says to later ones who we are and where the dashboard is."""
        self.file.seek(0)
        self.file.truncate()
        json.dump({"process_id": os.getpid(), "address": address}, self.file)
        self.file.flush()

    def is_held(self) -> bool:
        """Whether somebody else has it still. The kernel knows, however they ended."""
        return not _locked(self.file)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the seat. Both are unknown where it has not said it yet."""

    process_id: int | None = None
    address: str | None = None


def dashboard_in(home: Path) -> str | None:
    """The address of the dashboard of a `jobtrail dev` that works here. The seat itself is left alone: somebody may be
    about to take it."""
    try:
        said = json.loads((home / _FILE).read_text("utf-8"))
        address = str(said["address"])
        where = urlsplit(address)
        socket.create_connection((where.hostname or "", where.port or 80), timeout=_KNOCK_SECONDS).close()
    except (OSError, ValueError, KeyError, TypeError):  # nobody has said anything, or nobody is there any more
        return None
    return address


@contextmanager
def seat_of(home: Path) -> Iterator[Seat]:
    """The seat of a folder's home, for the length of a block; it is ours unless `holder` is set."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / _FILE).open("a+", encoding="utf-8") as file:
        if _locked(file):
            file.seek(0)
            file.truncate()
            try:
                yield Seat(file)
            finally:
                file.seek(0)
                file.truncate()
        else:
            yield Seat(file, _holder(file))


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> Holder:
    """Waits a little for what the holder says: it may have just begun."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        file.seek(0)
        try:
            said = json.loads(file.read())
            return Holder(said["process_id"], said["address"])
        except (ValueError, KeyError, TypeError):
            if time.monotonic() > deadline:
                return Holder()
        time.sleep(_LOOK_SECONDS)
