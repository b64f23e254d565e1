"""Lists of SHA-256 as `sha256sum` writes them, and files held against them. Nothing here knows of jobs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")
CHUNK_BYTES = 1 << 20


class BadManifestError(Exception):
    """The list cannot be read, or names what it may not name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list."""

    sha256: str
    name: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of an entry: ok, changed or missing."""

    name: str
    state: str
    byte_size: int = 0


def read(folder: Path, manifest: str) -> list[Entry]:
    """The entries of a list in the folder. Raises BadManifestError; a list that names nothing is one, too."""
    found = []
    try:
        lines = inside(folder, manifest).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadManifestError(f"{manifest} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        parts = LINE.fullmatch(line)
        if parts is None:
            raise BadManifestError(f"{manifest}, line {number}: not `SHA-256  name`")
        inside(folder, parts[2])
        found.append(Entry(parts[1].lower(), parts[2]))
    if not found:
        raise BadManifestError(f"{manifest} names no file, so there is nothing that could be right")
    return found


def inside(folder: Path, name: str) -> Path:
    """A file of the folder. Raises BadManifestError for one that lies elsewhere, links followed."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadManifestError(f"{name} does not lie in the folder")
    return path


def look(folder: Path, entry: Entry, stop: Callable[[], bool]) -> Seen | None:
    """Holds a file against its entry; None when it was told to stop."""
    digest, size = hashlib.sha256(), 0
    try:
        with inside(folder, entry.name).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if stop():
                    return None
                digest.update(chunk)
                size += len(chunk)
    except (FileNotFoundError, IsADirectoryError):
        return Seen(entry.name, "missing")
    return Seen(entry.name, "ok" if digest.hexdigest() == entry.sha256 else "changed", size)
