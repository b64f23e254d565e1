"""What the audit keeps outside the database: the key that signs seals, and the anchor, a file that only ever grows."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from jobtrail.core import chain
from jobtrail.core.chain import Seal
from jobtrail.core.errors import Conflict, Invalid, Misconfigured

KEY_BYTES: Final = 32
_FIRST: Final = b'{"workspace_id":"'
_OF_OTHERS: Final = 0o077


def load_or_create_key(path: Path) -> bytes:
    """The key in a file, 64 hex digits; makes one, readable by its owner only, where there is none.

    All programs that seal must have the same key, and whoever verifies needs it too. Keep a copy: without it, the
    signatures of the past cannot be checked any more. Raises Misconfigured.
    """
    try:
        return load_key(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, it fails when somebody was faster
            _sync_directory(path)
        except FileExistsError:
            pass
    finally:
        draft.unlink()
    return load_key(path)


class Anchor:
    """The anchor as a sealer holds it: one JSON line a seal, appended and synced. Several may hold the same file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._read_to = 0
        self._torn = False
        self._lines: dict[bytes, bytes] = {}
        _sync_directory(path)

    def lacking(self, seals: Iterable[Seal]) -> dict[UUID, int]:
        """For workspaces of which seals before these are not anchored: the last number that is.

        That happens when a process died between the commit and the append, or when another one sealed meanwhile.
        """
        with self._locked():
            first: dict[UUID, int] = {}
            for seal in seals:
                first[seal.workspace_id] = min(seal.number, first.get(seal.workspace_id, seal.number))
            heads = {workspace: self._number(workspace) for workspace in first}
            return {workspace: heads[workspace] for workspace in first if heads[workspace] + 1 < first[workspace]}

    def append(self, seals: Iterable[Seal]) -> int:
        """Appends committed seals that are not anchored yet; answers how many. One write, synced before it returns.

        Raises Conflict when one does not follow what is anchored: then the seals in the database are not those of
        before, or some are lacking.
        """
        with self._locked():
            new: dict[UUID, list[Seal]] = {}
            for seal in seals:
                mine = new.setdefault(seal.workspace_id, [])
                head = mine[-1] if mine else self._head(seal.workspace_id)
                if self._follows(seal, head):
                    mine.append(seal)
            lines = [seal for mine in new.values() for seal in mine]
            if lines:
                self._write(lines)
            return len(lines)

    def keep(self, seals: Sequence[Seal], read: Callable[[UUID, int], Sequence[Seal]]) -> int:
        """Appends committed seals and whatever lacks before them, fetched with `read`: seals after a number."""
        count = 0
        while lacking := self.lacking(seals):
            found = [seal for workspace, number in lacking.items() for seal in read(workspace, number)]
            if not found:
                break
            count += self.append(found)
        return count + self.append(seals)

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            self._refresh()
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _follows(self, seal: Seal, head: Seal | None) -> bool:
        """Whether the seal is the next; False when it is there already."""
        number = 0 if head is None else head.number
        if seal.number <= number:
            if seal != head and all(seal != one for one in read_anchor(self._path)):
                raise self._other(seal)
            return False
        if seal.number != number + 1 or seal.previous != (b"" if head is None else chain.digest(head)):
            raise self._other(seal)
        return True

    def _number(self, workspace: UUID) -> int:
        head = self._head(workspace)
        return 0 if head is None else head.number

    def _other(self, seal: Seal) -> Conflict:
        return Conflict(
            f"seal {seal.number} of workspace {seal.workspace_id} does not follow those in {self._path}: the seals in the "
            "database were changed; run `jobtrail audit verify`, and keep the file"
        )

    def _head(self, workspace: UUID) -> Seal | None:
        line = self._lines.get(str(workspace).encode())
        if line is None:
            return None
        try:
            return chain.seal_from_json(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid(f"{self._path}: the last line of workspace {workspace} is no seal") from error

    def _refresh(self) -> None:
        """Reads what others have appended. Only the last line of each workspace is looked at, so that it is quick."""
        with open(self._fd, "rb", closefd=False) as file:
            file.seek(self._read_to)
            self._torn = False
            for line in file:
                self._torn = not line.endswith(b"\n")
                if not self._torn:
                    self._read_to += len(line)
                if line.endswith(b"}\n"):
                    self._lines[line[len(_FIRST) : len(_FIRST) + 36]] = line

    def _write(self, seals: list[Seal]) -> None:
        lines = [json.dumps(chain.seal_to_json(seal), separators=(",", ":")).encode() + b"\n" for seal in seals]
        rest = memoryview((b"\n" if self._torn else b"") + b"".join(lines))
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        os.fsync(self._fd)
        self._refresh()


def read_anchor(path: Path) -> Iterator[Seal]:
    """The anchored seals in their order, one after the other. Raises Invalid when a line is none.

    A line that a crash cut off is left out: it stands at the end, or is followed by the whole line.
    """
    cut, line = "", ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if cut and not line.startswith(cut):
                raise Invalid(f"{path}: line {number - 1} is no seal; compare the file with a copy of it")
            cut = ""
            try:
                seal = chain.seal_from_json(json.loads(line))
            except (KeyError, TypeError, ValueError):
                cut = line.rstrip("\n") or "\n"
                continue
            yield seal
    if cut and line.endswith("\n"):
        raise Invalid(f"{path}: the last line is no seal; compare the file with a copy of it")


def load_key(path: Path) -> bytes:
    """The key in a file. Raises FileNotFoundError, or Misconfigured when it is no key or others may read it."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _OF_OTHERS:
            raise Misconfigured(f"others may read the key in {path}; run `chmod 600 {path}`, or better make a new one")
        text = file.read(1_000)
    try:
        key = bytes.fromhex(text.decode())
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise Misconfigured(f"{path} holds no key: that would be {2 * KEY_BYTES} hex digits")
    return key


def _sync_directory(path: Path) -> None:
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
