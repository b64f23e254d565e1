"""Files of the storage as responses: in chunks from the disk, in parts, and in a form in which no browser runs them."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jobtrail.core.errors import Unavailable
from jobtrail.store.files.local import in_thread
from jobtrail.web import filenames, problem, ranges, sniff
from jobtrail.web.observing import request_id_of

_CHUNK_BYTES: Final = 256 << 10
_HARMLESS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is known of a file before it is opened. Its bytes never change: another content has another digest."""

    path: Path
    name: str
    media_type: str
    byte_size: int
    sha256: str

    @property
    def etag(self) -> str:
        """The digest as an ETag."""
        return f'"{self.sha256}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The headers that say which part is wanted, and what the caller has already."""

    range: str | None
    if_range: str | None
    if_none_match: str | None


async def response(request: Request, file: File, asked: Asked) -> Response:
    """The file, the parts of it that are asked for, or that nothing changed. Raises FileNotFoundError, Unavailable."""
    head = await in_thread(_head, file)
    kind = sniff.shown_as(head, file.media_type)
    digest = f"sha-256=:{base64.b64encode(bytes.fromhex(file.sha256)).decode()}:"
    headers = {
        **_HARMLESS,
        "ETag": file.etag,
        "Accept-Ranges": "bytes",
        "Repr-Digest": digest,
        "Content-Disposition": filenames.disposition(file.name, inline=kind is not None),
    }
    if _is_known(asked.if_none_match, file.etag):
        return Response(status_code=304, headers=headers)
    kind = kind or sniff.OCTETS
    fits = asked.if_range in (None, file.etag)
    parts = ranges.wanted(asked.range, file.byte_size) if asked.range is not None and fits else None
    if parts is None:
        whole = [Piece(b"", 0, file.byte_size)]
        return Content(file.path, whole, 200, {**headers, "Content-Digest": digest, "Content-Type": kind})
    if not parts:
        return _unsatisfiable(request, file)
    if len(parts) == 1:
        first, end = parts[0]
        headers |= {"Content-Type": kind, "Content-Range": f"bytes {first}-{end - 1}/{file.byte_size}"}
        return Content(file.path, [Piece(b"", first, end)], 206, headers)
    boundary = secrets.token_hex(16)
    headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    return Content(file.path, _pieces(parts, boundary, kind, file.byte_size), 206, headers)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes, then those of the file in [first, end)."""

    before: bytes
    first: int
    end: int

    @property
    def byte_size(self) -> int:
        """How many bytes of the body it makes."""
        return len(self.before) + self.end - self.first


class Content(Response):
    """Pieces of a file as a body. The disk is read in threads, a chunk at a time, and no longer than somebody listens."""

    def __init__(self, path: Path, pieces: list[Piece], status: int, headers: dict[str, str]) -> None:
        super().__init__(None, status, headers)
        self._path, self._pieces = path, pieces
        self.headers["content-length"] = str(sum(piece.byte_size for piece in pieces))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it. Raises Unavailable where the file ends too early: then the connection ends too."""
        handle = await in_thread(os.open, self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        gone = asyncio.create_task(_left(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._send(send, handle, gone)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            os.close(handle)

    async def _send(self, send: Send, handle: int, gone: asyncio.Task[None]) -> None:
        for piece in self._pieces:
            at = piece.first
            if piece.before:
                await send({"type": "http.response.body", "body": piece.before, "more_body": True})
            while at < piece.end and not gone.done():
                chunk = await in_thread(os.pread, handle, min(_CHUNK_BYTES, piece.end - at), at)
                if not chunk:
                    raise Unavailable(f"the file {self._path} ends at byte {at}, before its time")
                at += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _left(receive: Receive) -> None:
    """Returns when nobody listens any more."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _head(file: File) -> bytes:
    """The first bytes. Raises FileNotFoundError, and Unavailable where the file is not as long as it was."""
    with file.path.open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        if size != file.byte_size:
            raise Unavailable(f"a file is damaged here: it has {size} bytes instead of {file.byte_size}")
        return source.read(sniff.HEAD_BYTES)


def _is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the caller has it already (RFC 9110, section 13.1.2)."""
    if if_none_match is None:
        return False
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return given == ["*"] or etag in given


def _pieces(parts: list[tuple[int, int]], boundary: str, kind: str, size: int) -> list[Piece]:
    """The body of multipart/byteranges."""
    made = [
        Piece(
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\n"
            f"Content-Range: bytes {first}-{end - 1}/{size}\r\n\r\n".encode(),
            first,
            end,
        )
        for first, end in parts
    ]
    return [*made, Piece(f"\r\n--{boundary}--\r\n".encode(), 0, 0)]


def _unsatisfiable(request: Request, file: File) -> Response:
    return problem.response(
        416,
        "range_not_satisfiable",
        f"the file has {file.byte_size} bytes, and none of them is in the ranges asked for",
        instance=request.url.path,
        request_id=request_id_of(request),
        headers={"Content-Range": f"bytes */{file.byte_size}", "Accept-Ranges": "bytes"},
    )
