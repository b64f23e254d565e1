"""Which files a step's `artifacts` mean. A file outside of the fence is never among them, however a link leads there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from jobtrail.core import jsonguard
from jobtrail.core.errors import Limited

MAX_FILES = 1_000
MAX_LOOKED_AT = 100_000

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Found:
    """Files by the name that they are kept under, and what to tell about the rest."""

    files: dict[str, Path] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)  # a pattern that found nothing, a file that may not be kept


def find(patterns: list[str], folder: Path, fence: Path) -> Found:
    """Look for regular files, in the order of the patterns. Raises Limited when there are too many."""
    found = Found()
    for pattern in patterns:
        before, folders, refused = len(found.files), 0, 0
        wanted = f"{pattern}**/*" if pattern.endswith("/") else pattern
        matches = list(islice(folder.glob(wanted), MAX_LOOKED_AT + 1))
        for path in sorted(matches):
            if path.is_dir():
                folders += 1
            elif wrong := _wrong(path, fence):
                refused += 1
                found.complaints.append(f"{path.relative_to(folder).as_posix()!r} is not kept: {wrong}")
            else:
                found.files.setdefault(name_of(path, folder), path.resolve())
        if len(found.files) > MAX_FILES or len(matches) > MAX_LOOKED_AT:
            raise Limited(f"{pattern!r} means more than {MAX_FILES} files; pack them into one and keep that")
        if len(found.files) == before and not refused:
            hint = f"; it means folders only, write {pattern.rstrip('/')}/**/* for what is in them" if folders else ""
            found.complaints.append(f"no file matches {pattern!r}{hint}")
    return found


def _wrong(path: Path, fence: Path) -> str:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return "it is a link to nothing"
    if not real.is_relative_to(fence):
        return "it is a link that leads out of the job's folder"
    return "" if real.is_file() else "it is no regular file"


def name_of(path: Path, folder: Path) -> str:
    """Its path in the step's folder; what a name may not hold is replaced, and of a long one the end is kept."""
    name = _CONTROL.sub("\ufffd", path.relative_to(folder).as_posix())
    room = jsonguard.MAX_NAME_BYTES
    return name if len(name.encode()) <= room else "…" + name.encode()[-room + 3 :].decode("utf-8", "ignore")
