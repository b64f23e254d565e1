"""Files in a folder of this machine: `ab/cd/<sha256>`, put there by one rename after all bytes are on disk."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import math
import os
import tempfile
from collections.abc import AsyncIterable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, ParamSpec, TypeVar

from jobtrail.core.errors import Invalid, NotFound, TooLarge, Unavailable

CHUNK_BYTES: Final = 1 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_INCOMING: Final = "incoming"
_LEAVING: Final = "leaving"
_OWNERS: Final = "owners"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes that lie in the storage, whole. `key` finds them again."""

    key: str
    sha256: str
    byte_size: int


class LocalFiles:
    """A storage in `folder`. Equal bytes are stored once; a crash leaves at most a file under `incoming/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_file(self, path: Path, *, limit: int) -> Stored:
        """Copies a file in. Raises TooLarge above `limit` bytes, FileNotFoundError."""
        with path.open("rb") as source, self._incoming() as target:
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk, limit, str(path))
            return target.commit()

    def put_bytes(self, content: bytes, *, limit: int) -> Stored:
        """Stores bytes. Raises TooLarge above `limit`."""
        with self._incoming() as target:
            target.write(content, limit, "the content")
            return target.commit()

    async def put_stream(self, chunks: AsyncIterable[bytes], *, limit: int, sha256: str | None = None) -> Stored:
        """Stores a stream as it comes; digest and disk are waited for in threads.

        Raises TooLarge as soon as it is above `limit` bytes, Invalid where its digest is not `sha256`.
        """
        with self._incoming() as target:
            waiting: list[bytes] = []
            size = seen = 0
            async for chunk in chunks:
                seen += len(chunk)
                _check_size(seen, limit, "the content")
                waiting.append(chunk)
                size += len(chunk)
                if size >= CHUNK_BYTES:
                    await in_thread(target.write, b"".join(waiting), limit, "the content")
                    waiting, size = [], 0

            def finish() -> Stored:
                target.write(b"".join(waiting), limit, "the content")
                return target.commit(sha256)

            return await in_thread(finish)

    def path(self, key: str) -> Path:
        """The file of a key, to be read only. Raises NotFound."""
        path = self._place(key)
        if not path.is_file():
            raise NotFound(f"the bytes of asset {key} are not on this machine ({path})")
        return path

    def read(self, key: str) -> Iterator[bytes]:
        """The bytes of a key in chunks. Raises NotFound."""
        with self.path(key).open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk

    def old(self, before: float) -> Iterator[str]:
        """The keys whose bytes were last put here before a time (Unix seconds), in no order."""
        for path in self._folder.glob("??/??/*"):
            if _is_key(path.name) and path == self._place(path.name) and _written_at(path) < before:
                yield path.name

    def remove_old(self, key: str, before: float) -> bool:
        """Removes bytes that no asset needs; False where they are gone, or were put here again since `before`.

        They are set aside first and looked at there, so that equal bytes that arrive in this moment are not lost. What
        a crash leaves aside, `tidy` puts back.
        """
        aside = self._folder / _LEAVING / key
        aside.parent.mkdir(exist_ok=True)
        try:
            os.replace(self._place(key), aside)
            if _written_at(aside) >= before:
                os.replace(aside, self._place(key))
                return False
            aside.unlink()
        except FileNotFoundError:  # somebody else tidies too
            return False
        return True

    def tidy(self, before: float) -> int:
        """Ends what a crash broke off: removes halves of files from before a time (Unix seconds), puts back what was
        set aside. Answers how many halves there were."""
        for aside in self._folder.glob(f"{_LEAVING}/*"):
            if _is_key(aside.name):
                self._place(aside.name).parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    os.replace(aside, self._place(aside.name))
        halves = [path for path in self._folder.glob(f"{_INCOMING}/*") if _written_at(path) < before]
        for path in halves:
            path.unlink(missing_ok=True)
        return len(halves)

    def owners(self, me: str) -> frozenset[str]:
        """Who keeps files in this folder, `me` among them from now on: nobody may tidy a folder that others use too."""
        marks = self._folder / _OWNERS
        marks.mkdir(parents=True, exist_ok=True)
        mark = marks / hashlib.sha256(me.encode()).hexdigest()[:16]
        if not mark.exists():
            mark.write_text(me)
        return frozenset(path.read_text() for path in marks.iterdir())

    def _place(self, key: str) -> Path:
        if not _is_key(key):
            raise NotFound(f"{key!r} is not a storage key")
        return self._folder / key[:2] / key[2:4] / key

    @contextmanager
    def _incoming(self) -> Iterator[_Incoming]:
        waiting = self._folder / _INCOMING
        try:
            waiting.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=waiting, delete=False) as file:
                target = _Incoming(self, file, Path(file.name))
                try:
                    yield target
                finally:
                    Path(file.name).unlink(missing_ok=True)
        except OSError as error:
            if error.errno in _FULL:
                raise Unavailable(f"the disk of the files is full; free space under {self._folder}") from error
            raise


class _Incoming:
    """A file that is being written."""

    def __init__(self, storage: LocalFiles, file: BinaryIO | tempfile._TemporaryFileWrapper[bytes], path: Path) -> None:
        self._storage, self._file, self._path = storage, file, path
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes, limit: int, what: str) -> None:
        """Takes bytes while they fit."""
        self._size += len(chunk)
        _check_size(self._size, limit, what)
        self._digest.update(chunk)
        self._file.write(chunk)

    def commit(self, sha256: str | None = None) -> Stored:
        """Puts the file in its place, on disk before it can be seen. Raises Invalid where its digest is another."""
        key = self._digest.hexdigest()
        if sha256 not in (None, key):
            wrong = f"the SHA-256 of what arrived is {key}, not {sha256}"
            raise Invalid(f"{wrong}; nothing was kept, send it again", fields={"sha256": wrong})
        self._file.flush()
        os.fsync(self._file.fileno())
        place = self._storage._place(key)  # noqa: SLF001  (one storage, two halves)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(self._path, 0o444)
        os.replace(self._path, place)
        for folder in (place.parent, place.parent.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        return Stored(key, key, self._size)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `work` in a thread. Who is cancelled meanwhile waits for it, so that no file is closed under it."""
    task = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _check_size(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise TooLarge(f"{what} is larger than {limit} bytes, which is the limit")


def _is_key(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _written_at(path: Path) -> float:
    """When it was written, in Unix seconds; never, where it is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf
