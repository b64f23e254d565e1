"""What the audit keeps outside the database: the key that signs seals, and the anchor, a file that only ever grows."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final
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
        return _key(path)
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
    return _key(path)


class Anchor:
    """The anchor as a sealer holds it: one JSON line a seal, appended and synced. Several may hold the same file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._read_to = 0
        self._lines: dict[bytes, bytes] = {}
        _sync_directory(path)

    def keep(self, seals: Iterable[Seal], read: Callable[[UUID, int], list[Seal]]) -> int:
        """Appends seals, once they are committed; answers how many lines are new.

        What was not appended before them, because a process died in between or another one sealed, is fetched with
        `read` (seals of a workspace after a number). Raises Conflict when a seal does not follow the anchored ones:
        then the seals in the database are not those of before.
        """
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            torn = self._refresh()
            new: list[Seal] = []
            for seal in seals:
                new += self._missing(seal, new, read)
            if new:
                self._append(new, torn)
            return len(new)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Gives the file back."""
        os.close(self._fd)

    def __enter__(self) -> Anchor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _missing(self, seal: Seal, new: list[Seal], read: Callable[[UUID, int], list[Seal]]) -> list[Seal]:
        head = next((one for one in reversed(new) if one.workspace_id == seal.workspace_id), None)
        head = head or self._head(seal.workspace_id)
        if head is not None and head.number >= seal.number:
            if head != seal and all(one != seal for one in read_anchor(self._path)):
                raise self._other(seal)
            return []
        missing: list[Seal] = []
        while head is None or head.number < seal.number:
            number = 0 if head is None else head.number
            chunk = [seal] if number + 1 == seal.number else read(seal.workspace_id, number)
            for one in chunk:
                if one.number != number + 1 or one.previous != (b"" if head is None else chain.digest(head)):
                    raise self._other(one)
                head, number = one, one.number
                missing.append(one)
            if not chunk:
                raise self._other(seal)
        return missing

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

    def _refresh(self) -> bool:
        """Reads what others have appended; answers whether the file ends within a line."""
        with open(self._fd, "rb", closefd=False) as file:
            file.seek(self._read_to)
            torn = False
            for line in file:
                torn = not line.endswith(b"\n")
                if not torn:
                    self._read_to += len(line)
                    if line.endswith(b"}\n"):
                        self._lines[line[len(_FIRST) : len(_FIRST) + 36]] = line
        return torn

    def _append(self, seals: list[Seal], torn: bool) -> None:
        lines = [json.dumps(chain.seal_to_json(seal), separators=(",", ":")).encode() + b"\n" for seal in seals]
        rest = memoryview((b"\n" if torn else b"") + b"".join(lines))
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        os.fsync(self._fd)
        self._refresh()


def read_anchor(path: Path) -> Iterator[Seal]:
    """The anchored seals in their order, one after the other. Raises Invalid when a line is none.

    A line that a crash cut off is left out: it stands at the end, or is followed by the whole line.
    """
    cut = ""
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


def _key(path: Path) -> bytes:
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
