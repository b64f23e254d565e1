"""Server-sent events as bytes: how a stored event, a log line and what the stream itself has to say are written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.service.streams import Chunk, Told, Watched

RETRY: Final = b"retry: 3000\n\n"
"""The first thing on every stream: milliseconds until a reader that was cut off comes again."""

KEEP_ALIVE: Final = b": keep-alive\n\n"

ALIVE: Final = b"event: alive\ndata: {}\n\n"
"""The same for scripts, which are not told of comments: by it a page knows that its stream was not cut off in silence."""

_encode: Final = msgspec.json.Encoder().encode


class _Event(msgspec.Struct, frozen=True):
    job_id: UUID
    seq: int
    type: str
    status: str
    step_id: UUID | None
    attempt_id: UUID | None
    actor_type: str
    actor_id: str | None
    payload: msgspec.Raw | None
    at: datetime
    hash: str


def framed(name: str, data: bytes, id: str | None = None) -> bytes:
    """One frame. Whatever the parts hold, they stay within it: a line break in the data begins another `data:` line."""
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    head = b"event: " + _one_line(name).encode() + b"\n"
    if id is not None:
        head = b"id: " + _one_line(id).encode() + b"\n" + head
    return head + b"data: " + data + b"\n\n"


def event_data(told: Told) -> bytes:
    """What a frame says of a stored event, as JSON."""
    payload = None if told.payload is None else msgspec.Raw(told.payload.encode())
    return _encode(_Event(*told[7:15], payload, told.at, told.hash))


def event(told: Told, id: str) -> bytes:
    """A stored event; `id` is where a reader goes on that saw it."""
    return framed(told.type, event_data(told), id)


def log_lines(chunk: Chunk) -> Iterator[bytes]:
    """The lines of a chunk, a frame each, without an id: a line is no event."""
    numbers = range(chunk.first_line, chunk.first_line + chunk.lines)
    for number, raw in zip(numbers, chunk.body.split("\n"), strict=False):
        head = {"job_id": chunk.job_id, "number": number, "attempt_id": chunk.attempt_id, "step_id": chunk.step_id}
        yield framed("log", _extended(head, raw.encode()))


def progress(job: Watched) -> bytes:
    """How far a job is (percent), and its stage."""
    data = {"job_id": job.job_id, "attempt_id": job.attempt_id, "progress": job.progress, "stage": job.stage}
    return framed("progress", _encode(data))


def complete(job: Watched) -> bytes:
    """The last frame of a job's stream: the job has ended, and everything was said."""
    data = {"job_id": job.job_id, "status": job.status, "seq": job.version, "generation": job.generation}
    return framed("stream.complete", _encode(data))


def opened(cursor: str) -> bytes:
    """Where a workspace's stream begins: for whoever must come back before the first event."""
    return framed("stream.open", _encode({"cursor": cursor}))


def gap(reason: str, **goes_on: Any) -> bytes:
    """Something was not told, and never will be on this stream; `goes_on` says where it goes on."""
    return framed("gap", _encode({"reason": reason, **goes_on}))


def closed(reason: str) -> bytes:
    """The last frame of a stream that ends by itself before its job has."""
    return framed("closed", _encode({"reason": reason}))


def _extended(head: dict[str, Any], raw: bytes) -> bytes:
    """A JSON object with fields put before its own; what is no object becomes a message."""
    if raw[:1] != b"{" or len(raw) < 3:
        return _encode({**head, "message": raw.decode()})
    return _encode(head)[:-1] + b"," + raw[1:]


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ").replace("\0", " ")
