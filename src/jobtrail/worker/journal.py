"""Log lines, measured values and progress of all attempts of a worker, written together every few milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import JobtrailError
from jobtrail.core.fence import Fence
from jobtrail.core.redact import MASK
from jobtrail.runners.protocol import LogLine
from jobtrail.service import attempts, logs, usage
from jobtrail.service.logs import NewChunk
from jobtrail.service.usage import Measured

log = logging.getLogger("jobtrail.worker")

WINDOW_SECONDS: Final = 0.02
LINE_BYTES: Final = 16 << 10
CHUNK_LINES: Final = 500
CHUNK_BYTES: Final = 256 << 10
PROGRESS_SECONDS: Final = 1.0

Written = tuple[UUID | None, str, str | None, bytes]
"""A line as it is stored: its step, level, correlation id, and the JSON of all of it."""

_encode = msgspec.json.Encoder(enc_hook=repr).encode


class Book:
    """What one attempt has written and is not stored yet. Filled from any thread, emptied by the journal."""

    __slots__ = ("fence", "lines", "next_line", "percent", "stage", "storing", "told_at", "told_percent", "told_stage")

    def __init__(self, fence: Fence, next_line: int = 1) -> None:
        self.fence = fence
        self.lines: list[Written] = []
        self.next_line = next_line
        self.percent: float | None = None
        self.stage: str | None = None
        self.told_percent = -1
        self.told_stage: str | None = None
        self.told_at = 0.0
        self.storing = False  # what it had is on its way to the database

    @property
    def unsettled(self) -> bool:
        """Whether anything is not stored yet: an attempt that ends before it is would lose it."""
        return bool(self.lines) or self.percent is not None or self.storing


class Journal:
    """Collects and writes. `execute` runs a verb, insisting while the database is away."""

    def __init__(
        self, execute: Callable[[Any], Awaitable[Any]], worker_id: UUID, stale: Callable[[UUID], None]
    ) -> None:
        self._execute, self._worker_id, self._stale = execute, worker_id, stale
        self._loop = asyncio.get_running_loop()
        self._dirty: dict[UUID, Book] = {}
        self._metrics: list[Measured] = []
        self._wanted = asyncio.Event()
        self._writing = asyncio.Lock()

    def log(self, book: Book, line: LogLine, step_id: UUID | None, redact: Callable[[str], str]) -> None:
        """Takes a line; cleaned, redacted and cut here, so that nothing else ever sees it raw."""
        book.lines.append(written(line, step_id, redact))
        self._note(book)

    def progress(self, book: Book, percent: float, stage: str | None) -> None:
        """Takes percent done; written when the whole percent or the stage changes, at most once a second."""
        percent = float(percent)
        if math.isnan(percent):
            return
        book.percent = min(max(percent, 0.0), 100.0)
        book.stage = jsonguard.clean_text(stage, max_bytes=255) if stage else book.stage
        self._note(book)

    def metric(self, value: Measured) -> None:
        """Takes a measured value."""
        self._metrics.append(value)
        self._wake()

    async def settle(self, book: Book) -> None:
        """Writes what an attempt still has, before its end is written."""
        if book.unsettled:
            book.told_at = 0.0
            async with self._writing:
                await self._write([book])

    async def run(self) -> None:
        """Writes until it is cancelled."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(WINDOW_SECONDS)
            self._wanted.clear()
            async with self._writing:
                books, self._dirty = list(self._dirty.values()), {}
                await self._write(books)
                metrics, self._metrics = self._metrics, []
                if metrics:
                    with contextlib.suppress(JobtrailError):
                        await self._execute(usage.measure(self._worker_id, metrics))

    def _note(self, book: Book) -> None:
        self._dirty[book.fence.attempt_id] = book
        self._wake()

    def _wake(self) -> None:
        if not self._wanted.is_set():
            self._loop.call_soon_threadsafe(self._wanted.set)

    async def _write(self, books: list[Book]) -> None:
        chunks: list[NewChunk] = []
        for book in books:
            book.storing = True
            lines, book.lines = book.lines, []
            chunks += chunks_of(book, lines)
        try:
            await self._store(chunks)
            for book in books:
                await self._tell_progress(book)
        finally:
            for book in books:
                book.storing = False

    async def _store(self, chunks: list[NewChunk]) -> None:
        for at in range(0, len(chunks), 100):
            part = chunks[at : at + 100]
            try:
                still_open = await self._execute(logs.append(part))
            except JobtrailError as error:  # the lines of one job are no reason to stop the others
                log.warning("%d pieces of logs could not be stored and are lost: %s", len(part), error)
                continue
            for attempt_id in {chunk.fence.attempt_id for chunk in part} - still_open:
                self._stale(attempt_id)

    async def _tell_progress(self, book: Book) -> None:
        if book.percent is None or (int(book.percent) == book.told_percent and book.stage == book.told_stage):
            book.percent = None
            return
        if time.monotonic() - book.told_at < PROGRESS_SECONDS:
            self._loop.call_later(PROGRESS_SECONDS, self._note, book)
            return
        percent, book.percent = book.percent, None
        book.told_percent, book.told_stage, book.told_at = int(percent), book.stage, time.monotonic()
        if await self._execute(attempts.progress(book.fence, percent, book.stage)) is None:
            self._stale(book.fence.attempt_id)


def written(line: LogLine, step_id: UUID | None, redact: Callable[[str], str], at: datetime | None = None) -> Written:
    """A line as it is stored: cleaned, redacted and cut. `at`: when it was said, if not now."""
    record: dict[str, Any] = {
        "level": line.level,
        "source": line.source,
        "message": redact(jsonguard.clean_text(line.message, max_bytes=LINE_BYTES)),
        "at": at or datetime.now(UTC),
    }
    for name in ("component", "operation", "correlation_id"):
        if (value := getattr(line, name)) is not None:
            record[name] = redact(jsonguard.clean_text(str(value), max_bytes=255))
    if line.details:
        record["details"] = _redacted(jsonguard.clean_value(line.details)[0].decode(), redact)
    return step_id, line.level, record.get("correlation_id"), _encode(record)


def _redacted(details: str, redact: Callable[[str], str]) -> msgspec.Raw | str:
    """JSON without secrets. What hid a secret may have taken a quotation mark with it; then nothing of it is kept."""
    clean = redact(details)
    if clean is not details:
        try:
            msgspec.json.decode(clean)
        except msgspec.DecodeError:
            return MASK
    return msgspec.Raw(clean.encode())


def chunks_of(book: Book, lines: list[Written]) -> list[NewChunk]:
    """Consecutive lines of one step, a few hundred at a time; they get the book's next numbers."""
    chunks: list[NewChunk] = []
    at = 0
    while at < len(lines):
        step_id, size, end = lines[at][0], 0, at
        seen: dict[str, set[str]] = defaultdict(set)
        while end < len(lines) and lines[end][0] == step_id and end - at < CHUNK_LINES and size < CHUNK_BYTES:
            size += len(lines[end][3])
            seen["level"].add(lines[end][1])
            if lines[end][2] is not None:
                seen["correlation"].add(lines[end][2] or "")
            end += 1
        body = b"\n".join(line[3] for line in lines[at:end]).decode()
        levels, correlations = tuple(sorted(seen["level"])), tuple(sorted(seen["correlation"]))
        chunks.append(NewChunk(book.fence, step_id, book.next_line, end - at, levels, correlations, body))
        book.next_line += end - at
        at = end
    return chunks
