"""Bodies that are files: as they come, raw or as the one file of a form; nothing is kept in memory but a chunk."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from starlette.requests import ClientDisconnect, Request

from jobtrail.core.errors import Invalid, Malformed, TooLarge

SILENCE_SECONDS: Final = 60.0
"""How long a body may bring nothing at all."""

_ENVELOPE_BYTES: Final = 64 << 10
"""What a form may have around its file."""
_HEADERS_BYTES: Final = 8 << 10
_HEADER_END: Final = b"\r\n\r\n"
_BOUNDARY: Final = re.compile(r"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]", re.ASCII)
_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]{1,64}):\s*(?:;[^,]*)?(?=,|$)", re.ASCII)


def check_size(request: Request, limit: int) -> None:
    """Refuses at once what says that it is longer than `limit` bytes. Raises TooLarge."""
    room = limit if boundary_of(request) is None else limit + _ENVELOPE_BYTES
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > room:
        raise TooLarge(f"the body has {announced} bytes, and a file may have {limit}")


async def arriving(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises Malformed where it is not sent to its end, or not within a minute of silence."""
    chunks = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                chunk = await anext(chunks, None)
        except ClientDisconnect as error:
            raise Malformed("the body was not sent to its end; nothing was kept") from error
        except TimeoutError as error:
            raise Malformed(f"nothing came for {SILENCE_SECONDS:g} s; nothing was kept") from error
        if chunk is None:
            return
        if chunk:
            yield chunk


def digest_of(content_digest: str | None, plain: str | None) -> str | None:
    """The SHA-256 in hex that a caller announces, by Content-Digest (RFC 9530) or X-Content-SHA256. Raises Invalid."""
    found = None if plain is None else plain.strip().lower()
    if found is not None and not re.fullmatch("[0-9a-f]{64}", found):
        raise Invalid("X-Content-SHA256 must be 64 hex digits", fields={"X-Content-SHA256": "not a SHA-256"})
    if content_digest is None:
        return found
    match = _SHA256.search(content_digest)
    try:
        digest = base64.b64decode(match[1], validate=True).hex() if match else ""
    except binascii.Error:
        digest = ""
    if len(digest) != 64 or found not in (None, digest):
        wrong = "must be `sha-256=:…:`, 32 bytes in base64" if len(digest) != 64 else "is not the X-Content-SHA256"
        raise Invalid(f"Content-Digest {wrong}", fields={"Content-Digest": wrong})
    return digest


def boundary_of(request: Request) -> bytes | None:
    """The boundary of a form; None: the body is the file itself. Raises Malformed."""
    given = Message()
    given["content-type"] = request.headers.get("content-type", "")
    if given.get_content_type() != "multipart/form-data":
        return None
    boundary = given.get_param("boundary")
    if not isinstance(boundary, str) or not _BOUNDARY.fullmatch(boundary):
        raise Malformed("the Content-Type of the form names no boundary")
    return boundary.encode()


class Form:
    """A form (RFC 7578) whose one file is read as it comes; fields without a file are skipped, other files refused."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._chunks, self._line = chunks, b"\r\n--" + boundary
        self._buffer = b"\r\n"  # so that the first boundary looks like the others
        self._around = 0

    async def begin(self) -> tuple[str | None, str | None]:
        """Goes on to the file; answers its name and media type as the form has them. Raises Malformed, TooLarge."""
        await self._skip()
        while (headers := await self._headers()) is not None:
            name = headers.get_filename()
            if name is not None:
                kind = headers.get_content_type() if "content-type" in headers else None
                return name or None, kind
            await self._skip()
        raise Malformed("the form holds no file")

    async def content(self) -> AsyncIterator[bytes]:
        """The bytes of the file, then reads the form to its end. Raises Malformed, TooLarge."""
        async for chunk in self._part():
            yield chunk
        while (headers := await self._headers()) is not None:
            if headers.get_filename() is not None:
                raise Malformed("the form holds more than one file; send them one by one")
            await self._skip()

    async def _part(self) -> AsyncIterator[bytes]:
        """What stands before the next boundary, which is taken away."""
        while (at := self._buffer.find(self._line)) < 0:
            safe = len(self._buffer) - len(self._line) + 1
            if safe > 0:
                ready, self._buffer = self._buffer[:safe], self._buffer[safe:]
                yield ready
            await self._more()
        ready, self._buffer = self._buffer[:at], self._buffer[at + len(self._line) :]
        if ready:
            yield ready

    async def _skip(self) -> None:
        async for chunk in self._part():
            self._count(chunk)

    async def _headers(self) -> Message | None:
        """The headers of the part that begins here; None at the end of the form."""
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            return None
        while (at := self._buffer.find(_HEADER_END)) < 0:
            if len(self._buffer) > _HEADERS_BYTES:
                break
            await self._more()
        if not 0 <= at <= _HEADERS_BYTES or not self._buffer.startswith(b"\r\n"):
            raise Malformed("a part of the form has no headers that can be read")
        text, self._buffer = self._buffer[:at], self._buffer[at + len(_HEADER_END) :]
        self._count(text)
        return _headers_of(text)

    async def _more(self) -> None:
        chunk = await anext(self._chunks, None)
        if chunk is None:
            raise Malformed("the form was not sent to its end; nothing was kept")
        self._buffer += chunk

    def _count(self, chunk: bytes) -> None:
        self._around += len(chunk)
        if self._around > _ENVELOPE_BYTES:
            raise TooLarge(f"the form has more than {_ENVELOPE_BYTES} bytes beside its file")


def _headers_of(text: bytes) -> Message:
    try:
        headers = HeaderParser().parsestr(text.decode().strip())
        headers.get_filename()
    except ValueError as error:
        raise Malformed("a part of the form has headers that cannot be read") from error
    return headers
