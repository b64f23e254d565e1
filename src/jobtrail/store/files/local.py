"""Files in a folder of this machine: `ab/cd/<sha256>`, put there by one rename after all bytes are on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import AsyncIterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from jobtrail.core.errors import NotFound, TooLarge

CHUNK_BYTES: Final = 1 << 20


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

    async def put_stream(self, chunks: AsyncIterable[bytes], *, limit: int) -> Stored:
        """Stores a stream as it comes. Raises TooLarge as soon as it is above `limit`."""
        with self._incoming() as target:
            async for chunk in chunks:
                target.write(chunk, limit, "the stream")
            return target.commit()

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

    def remove(self, key: str) -> bool:
        """Removes the bytes; False when they were gone. The caller knows that no asset needs them."""
        try:
            self._place(key).unlink()
        except FileNotFoundError:
            return False
        return True

    def keys(self) -> Iterator[str]:
        """All keys that lie here."""
        for path in sorted(self._folder.glob("??/??/*")):
            yield path.name

    def _place(self, key: str) -> Path:
        if len(key) != 64 or not set(key) <= set("0123456789abcdef"):
            raise NotFound(f"{key!r} is not a storage key")
        return self._folder / key[:2] / key[2:4] / key

    @contextmanager
    def _incoming(self) -> Iterator[_Incoming]:
        waiting = self._folder / "incoming"
        waiting.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=waiting, delete=False) as file:
            target = _Incoming(self, file, Path(file.name))
            try:
                yield target
            finally:
                Path(file.name).unlink(missing_ok=True)


class _Incoming:
    """A file that is being written."""

    def __init__(self, storage: LocalFiles, file: BinaryIO | tempfile._TemporaryFileWrapper[bytes], path: Path) -> None:
        self._storage, self._file, self._path = storage, file, path
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, chunk: bytes, limit: int, what: str) -> None:
        """Takes bytes while they fit."""
        self._size += len(chunk)
        if self._size > limit:
            raise TooLarge(f"{what} is larger than {limit} bytes, the limit for files that jobs make")
        self._digest.update(chunk)
        self._file.write(chunk)

    def commit(self) -> Stored:
        """Puts the file in its place, on disk before it can be seen."""
        self._file.flush()
        os.fsync(self._file.fileno())
        key = self._digest.hexdigest()
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
