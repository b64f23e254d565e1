"""A job's folder on one machine: where its steps work, and which of them completed here. No process, no database."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from jobtrail.core.errors import Invalid

MARKER = "done-here.json"


class _Marker(msgspec.Struct):
    """What the marker file says: whose folder this is, and under which key each step completed in it."""

    job: str
    done: dict[str, str]


class Folder:
    """`work` is where steps run; the home and the temporary files of their programs lie beside it.

    The folder outlives the attempt, and its marker tells the next one which steps' files are here. A step is marked
    before its end is recorded: between the two it may be run once too often, but never be taken for done elsewhere.
    As long as no step has completed here, every attempt begins with nothing, so half a checkout is in nobody's way.
    """

    def __init__(self, root: Path, job: str) -> None:
        """Open or make it. Raises OSError."""
        self.root = root.absolute()
        self.work, self.home, self.tmp = (self.root / name for name in ("work", "home", "tmp"))
        self.root.mkdir(parents=True, exist_ok=True)
        self._marker = _read(self.root / MARKER, job)
        _empty(self.tmp)
        if not self._marker.done:
            _empty(self.work)
        for folder in (self.work, self.home, self.tmp):
            folder.mkdir(exist_ok=True)

    def done_as(self, step: str) -> str | None:
        """The key under which the step completed in this folder."""
        return self._marker.done.get(step)

    def mark(self, step: str, key: str) -> None:
        """The step completes here, under this key."""
        self._write({**self._marker.done, step: key})

    def forget(self, steps: set[str]) -> None:
        """That these completed here counts no longer."""
        left = {step: key for step, key in self._marker.done.items() if step not in steps}
        if len(left) < len(self._marker.done):
            self._write(left)

    def inside(self, cwd: str | None) -> Path:
        """The folder that a step names. A relative one must lie in `work`, links followed; an absolute one is taken."""
        if cwd is None:
            return self.work
        path = self.work / cwd
        if not os.path.isabs(cwd) and not path.resolve().is_relative_to(self.work.resolve()):
            raise Invalid(f"the folder {cwd!r} leads out of the job's folder; name one in it, or an absolute one")
        return path

    def fence(self, cwd: Path) -> Path:
        """Where files of a step that runs in `cwd` must lie to be kept."""
        work, here = self.work.resolve(), cwd.resolve()
        return work if here.is_relative_to(work) else here

    def _write(self, done: dict[str, str]) -> None:
        self._marker.done = done
        draft = self.root / f".{MARKER}"
        draft.write_bytes(msgspec.json.encode(self._marker))
        draft.replace(self.root / MARKER)


def _read(file: Path, job: str) -> _Marker:
    try:
        marker = msgspec.json.decode(file.read_bytes(), type=_Marker)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return _Marker(job, {})
    return marker if marker.job == job else _Marker(job, {})


def _empty(folder: Path) -> None:
    """Away with it, even if something in it cannot be removed: then it lies aside, with the rest of the job's folder."""
    if not folder.is_symlink() and not folder.exists():
        return
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        return
    aside = next(
        name for i in range(1_000_000) if not os.path.lexists(name := folder.with_name(f"old-{folder.name}-{i}"))
    )
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
