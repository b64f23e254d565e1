"""The file that a render leaves: looked at before and after, opened without following links out, and read in pieces."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jobtrail.core.errors import Denied, Invalid, JobtrailError, Unavailable
from jobtrail.outgoing.client import Answer, Request
from jobtrail.outgoing.guard import Rules

PIECE_BYTES: Final = 8 << 20
WHOLE_BYTES: Final = 64 << 20
"""So much is read of a server that gives no pieces of a file, and no more: it has to fit into memory."""
_HEAD_BYTES: Final = 4_096
_PIECE_SECONDS: Final = 120.0

OCTETS: Final = "application/octet-stream"
_MAGIC: Final = (
    ("video/quicktime", re.compile(rb"....ftypqt  |....(?:moov|mdat|wide)", re.DOTALL)),
    ("video/mp4", re.compile(rb"....ftyp", re.DOTALL)),
    ("video/webm", re.compile(rb"\x1a\x45\xdf\xa3.{0,64}\x42\x82.{1,8}webm", re.DOTALL)),
    ("video/x-matroska", re.compile(rb"\x1a\x45\xdf\xa3")),
    ("video/x-msvideo", re.compile(rb"RIFF....AVI ", re.DOTALL)),
    ("application/mxf", re.compile(rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02")),
    ("video/mpeg", re.compile(rb"\x00\x00\x01[\xb3\xba]")),
    ("image/gif", re.compile(rb"GIF8[79]a")),
    ("image/png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("image/jpeg", re.compile(rb"\xff\xd8\xff")),
    ("image/tiff", re.compile(rb"II\*\x00|MM\x00\*")),
    ("image/webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("audio/wav", re.compile(rb"RIFF....WAVE", re.DOTALL)),
    ("audio/mpeg", re.compile(rb"ID3|\xff[\xfb\xf3\xf2]")),
    ("audio/aiff", re.compile(rb"FORM....AIF[FC]", re.DOTALL)),
    ("application/zip", re.compile(rb"PK\x03\x04")),
    ("text/html", re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE)),
    ("application/json", re.compile(rb"\s*[{\[]\s*[\"{\[]")),
)
_PAGES: Final = frozenset({"text/html", "application/json"})
_ENDS_OF_PAGES: Final = (".html", ".htm", ".json")


class NoOutput(Exception):  # noqa: N818  (it says that there is none)
    """There is no output, or it is not what a render leaves. `later`: it may still come."""

    def __init__(self, message: str, *, later: bool = False) -> None:
        super().__init__(message)
        self.message, self.later = message, later


@dataclass(frozen=True, slots=True)
class Found:
    """An output that can be read. `pieces` is read once; whoever begins to read it holds the file open."""

    name: str
    media_type: str
    byte_size: int | None
    pieces: AsyncIterator[bytes]


def media_type(head: bytes) -> str:
    """What a file is by its first bytes.

    >>> media_type(b"\\x00\\x00\\x00\\x20ftypisom")
    'video/mp4'
    """
    return next((kind for kind, magic in _MAGIC if magic.match(head)), OCTETS)


def fingerprint(path: str, roots: tuple[str, ...]) -> str | None:
    """What tells a file from an earlier one of the same name; None: there is no file now."""
    try:
        fd = _open(path, roots)
    except NoOutput:
        return None
    try:
        at = os.fstat(fd)
        return f"{at.st_dev}:{at.st_ino}:{at.st_size}:{at.st_mtime_ns}"
    finally:
        os.close(fd)


async def at_path(path: str, roots: tuple[str, ...], before: str | None) -> Found:
    """The output as a file. Raises NoOutput when it is not there, is empty, or is the one from `before` the render."""
    now = await asyncio.to_thread(fingerprint, path, roots)
    if now is not None and now == before:
        raise NoOutput(f"{path} is the file that was there before this render", later=True)
    size, head = await asyncio.to_thread(_beginning, path, roots)
    if size == 0:
        raise NoOutput(f"{path} is empty", later=True)
    name = Path(path).name
    return Found(name, _checked(head, name, path), size, _of_file(path, roots))


async def at_url(url: str, send: Callable[[Request, Rules], Awaitable[Answer]], rules: Rules) -> Found:
    """The output at a URL, in pieces where its server gives pieces. Raises NoOutput."""
    first = await _piece(url, 0, send, rules)
    name = unquote(urlsplit(url).path.rpartition("/")[2]) or "output"
    if first.status == 416 or (first.status in (200, 206) and not first.body):
        raise NoOutput(f"{_plain(url)} is empty", later=True)
    if first.status not in (200, 206):
        raise NoOutput(f"{_plain(url)} answers {first.status}", later=first.status in (404, 409, 425, 429, 503))
    kind = _checked(first.body[:_HEAD_BYTES], name, _plain(url))
    if first.status == 200 and first.cut:
        if first.answer_bytes > WHOLE_BYTES:
            raise NoOutput(f"{_plain(url)} is longer than {WHOLE_BYTES >> 20} MB, and its server gives no pieces of it")
        return Found(name, kind, None, _whole(url, send, rules))
    return Found(name, kind, first.total, _of_pieces(url, first, send, rules))


@dataclass(frozen=True, slots=True)
class _Piece:
    status: int
    body: bytes
    cut: bool
    total: int | None
    tag: str | None
    answer_bytes: int


async def _piece(
    url: str, at: int, send: Callable[[Request, Rules], Awaitable[Answer]], rules: Rules, most: int = PIECE_BYTES
) -> _Piece:
    wanted = () if most != PIECE_BYTES else (("range", f"bytes={at}-{at + most - 1}"),)
    request = Request(url=url, headers=wanted, timeout_seconds=_PIECE_SECONDS, answer_max_bytes=most, redirects=3)
    try:
        answer = await send(request, rules)
    except (Denied, Invalid) as error:
        raise NoOutput(error.message) from error
    except (Unavailable, JobtrailError) as error:
        raise NoOutput(error.message, later=True) from error
    found = re.fullmatch(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15})", answer.header("content-range") or "")
    if answer.status == 206 and (found is None or int(found[1]) != at):
        raise NoOutput(f"{_plain(url)} gives another piece of the file than was asked for")
    length = answer.header("content-length") or ""
    return _Piece(
        answer.status,
        answer.body,
        answer.cut,
        int(found[2]) if found is not None else None,
        answer.header("etag") or answer.header("last-modified"),
        int(length) if length.isdecimal() and len(length) < 16 else 0,
    )


async def _of_pieces(
    url: str, first: _Piece, send: Callable[[Request, Rules], Awaitable[Answer]], rules: Rules
) -> AsyncIterator[bytes]:
    yield first.body
    at = len(first.body)
    while first.total is not None and at < first.total:
        piece = await _piece(url, at, send, rules)
        if piece.status != 206 or not piece.body or (piece.total, piece.tag) != (first.total, first.tag):
            raise NoOutput(f"{_plain(url)} changed while it was read", later=True)
        yield piece.body
        at += len(piece.body)


async def _whole(url: str, send: Callable[[Request, Rules], Awaitable[Answer]], rules: Rules) -> AsyncIterator[bytes]:
    answer = await _piece(url, 0, send, rules, WHOLE_BYTES)
    if answer.status != 200 or answer.cut:
        raise NoOutput(f"{_plain(url)} is longer than {WHOLE_BYTES >> 20} MB, and its server gives no pieces of it")
    yield answer.body


def _beginning(path: str, roots: tuple[str, ...]) -> tuple[int, bytes]:
    fd = _open(path, roots)
    try:
        return os.fstat(fd).st_size, os.read(fd, _HEAD_BYTES)
    finally:
        os.close(fd)


async def _of_file(path: str, roots: tuple[str, ...]) -> AsyncIterator[bytes]:
    fd = await asyncio.to_thread(_open, path, roots)
    try:
        while piece := await asyncio.to_thread(os.read, fd, 1 << 20):
            yield piece
    finally:
        os.close(fd)


def _checked(head: bytes, name: str, shown: str) -> str:
    """The media type. Raises NoOutput for a page about a mistake, which is what many servers give instead of a file."""
    kind = media_type(head)
    if kind in _PAGES and not name.lower().endswith(_ENDS_OF_PAGES):
        raise NoOutput(f"{shown} holds {kind}, which is no render")
    return kind


def _open(path: str, roots: tuple[str, ...]) -> int:
    """Opens a regular file below one of the folders, whatever links are laid meanwhile. Raises NoOutput."""
    real = os.path.realpath(path)
    for root in roots:
        base = os.path.realpath(root)
        if real.startswith(base.rstrip("/") + "/"):
            break
    else:
        raise NoOutput(f"{path} leads out of the folders that are shared with the render nodes")
    fd = -1
    try:
        fd = os.open(base, os.O_RDONLY | os.O_DIRECTORY)
        *folders, name = real[len(base.rstrip("/")) + 1 :].split("/")
        for folder in folders:
            fd, above = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd), fd
            os.close(above)
        fd, above = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd), fd
        os.close(above)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise NoOutput(f"{path} is no regular file")
    except OSError as error:
        _close(fd)
        raise NoOutput(f"{path}: {error.strerror or error}", later=True) from error
    except NoOutput:
        _close(fd)
        raise
    return fd


def _close(fd: int) -> None:
    with suppress(OSError):
        os.close(fd)


def _plain(url: str) -> str:
    """A URL without its query, which may hold a secret."""
    return url.partition("?")[0]
