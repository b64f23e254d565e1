"""Routes of a job's log: its lines by number, from the end or around a place; a search over all of it; all of it as text."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

import msgspec
from starlette.responses import StreamingResponse

from jobtrail.core import ansi, shown
from jobtrail.core.errors import Invalid
from jobtrail.core.loglines import Extent, LogLine
from jobtrail.core.status import LogLevel, LogSource
from jobtrail.service import jobs
from jobtrail.service.logs import Wanted
from jobtrail.web import cursors, loglook
from jobtrail.web.loglook import Look
from jobtrail.web.routing import Page
from jobtrail.web.runtime import Call
from jobtrail.web.views import Cursor

MOST_MATCHES: Final = 10_000
_RAW_LINES: Final = 2_000
_GZIP: Final = 31
"""What zlib calls the form that gzip reads."""

Line = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Text = Annotated[str, msgspec.Meta(max_length=200, description="Only lines that contain this, in any case.")]


class LogsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines: from one on, or the last ones, or those around one."""

    from_line: Annotated[Line, msgspec.Meta(description="The first line; lines count from 1.")] | None = None
    tail: Annotated[int, msgspec.Meta(ge=1, le=1_000, description="The last so many lines.")] | None = None
    before_line: Annotated[Line, msgspec.Meta(description="With `tail`: the last ones before this one.")] | None = None
    around: Annotated[Line, msgspec.Meta(description="`limit` lines, this one in their midst.")] | None = None
    level: list[LogLevel] | None = None
    source: list[LogSource] | None = None
    text: Text | None = None
    attempt_id: UUID | None = None
    step_id: UUID | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 200
    cursor: Cursor | None = None


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What to look for, and from which line on."""

    text: Text | None = None
    level: list[LogLevel] | None = None
    source: list[LogSource] | None = None
    attempt_id: UUID | None = None
    step_id: UUID | None = None
    from_line: Line = 1
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_MATCHES)] = MOST_MATCHES


class RawQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines, and how."""

    from_line: Line = 1
    to_line: Line | None = None
    level: list[LogLevel] | None = None
    source: list[LogSource] | None = None
    attempt_id: UUID | None = None
    step_id: UUID | None = None
    times: Annotated[bool, msgspec.Meta(description="Time and level before each line.")] = False
    colors: Annotated[bool, msgspec.Meta(description="Escape sequences as they were printed.")] = False
    gzip: Annotated[bool, msgspec.Meta(description="As a compressed file.")] = False


class LogMatches(msgspec.Struct, frozen=True):
    """Where a text stands in a log.

    `lines` are the numbers of the lines, in order; `capped`: there are more than these. The look went to `looked_to`; where
    it is not `complete`, ask again from the line after.
    """

    count: int
    capped: bool
    lines: list[int]
    looked_to: int
    last_line: int
    complete: bool


async def list_logs(call: Call, job_id: UUID, query: LogsQuery) -> Page[LogLine]:
    """The lines that a job printed or wrote, in order.

    A page may hold fewer lines than asked for, even none, and still have a `next_cursor`: the look stopped in between.
    """
    _check_place(query)
    there = await _extent(call, job_id)
    wanted = wanted_of(query, query.text)
    at = cursors.place(query.cursor, "logs", int)
    if at is None and query.tail is not None:
        end = query.before_line or there.next_line
        look = await loglook.backward(call, job_id, wanted, end=end, limit=query.tail, there=there)
        return Page(look.lines, None)
    if at is None and query.around is not None:
        return _page(await _around(call, job_id, query, query.around, there), there)
    first = min(max(at or query.from_line or 1, 1), 2**53)
    return _page(await loglook.forward(call, job_id, wanted, first=first, limit=query.limit, there=there), there)


async def search_logs(call: Call, job_id: UUID, query: SearchQuery) -> LogMatches:
    """Look through the whole log for a text, a level or a source, and answer where it stands."""
    there = await _extent(call, job_id)
    wanted = wanted_of(query, query.text)
    first, most = query.from_line, query.limit + 1
    look = await loglook.forward(call, job_id, wanted, first=first, limit=most, there=there)
    numbers = [line.number for line in look.lines]
    capped = len(numbers) > query.limit
    looked_to = numbers[query.limit - 1] if capped else max(look.end, there.first_line) - 1
    last = there.next_line - 1
    found = numbers[: query.limit]
    return LogMatches(len(found), capped, found, looked_to, last, complete=not capped and looked_to >= last)


async def get_raw_log(call: Call, job_id: UUID, query: RawQuery) -> StreamingResponse:
    """The whole log as plain text, a line a line; it is read while it is sent."""
    there = await _extent(call, job_id)
    kind, ending = ("attachment", ".log.gz") if query.gzip else ("inline", ".log")
    headers = {
        "Content-Disposition": f'{kind}; filename="{job_id}{ending}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
    }
    text = _text(call, job_id, query, there)
    if query.gzip:
        return StreamingResponse(_packed(text), media_type="application/gzip", headers=headers)
    return StreamingResponse(text, media_type="text/plain", headers=headers)


async def _text(call: Call, job_id: UUID, query: RawQuery, there: Extent) -> AsyncIterator[bytes]:
    wanted = wanted_of(query, None)
    at = max(query.from_line, there.first_line)
    end = there.next_line if query.to_line is None else min(query.to_line + 1, there.next_line)
    there = Extent(there.first_line, end)
    while at < end:
        look = await loglook.forward(call, job_id, wanted, first=at, limit=_RAW_LINES, there=there)
        yield "".join(f"{_said(line, query)}\n" for line in look.lines).encode()
        at = look.end


async def _packed(text: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(wbits=_GZIP)
    async for part in text:
        yield packer.compress(part)
    yield packer.flush()


def _said(line: LogLine, query: RawQuery) -> str:
    message = line.message if query.colors else ansi.plain(line.message)
    return f"{shown.absolute(line.at)}  {line.level:<5}  {message}" if query.times else message


def wanted_of(query: LogsQuery | SearchQuery | RawQuery, text: str | None) -> Wanted:
    """Which lines the query asks for."""
    return Wanted(
        attempt_id=query.attempt_id,
        step_id=query.step_id,
        levels=tuple(query.level or ()),
        sources=tuple(query.source or ()),
        text=text or None,
    )


async def _around(call: Call, job_id: UUID, query: LogsQuery, line: int, there: Extent) -> Look:
    wanted = wanted_of(query, query.text)
    before = await loglook.backward(call, job_id, wanted, end=line, limit=query.limit // 2, there=there)
    left = query.limit - len(before.lines)
    after = await loglook.forward(call, job_id, wanted, first=line, limit=left, there=there)
    return Look([*before.lines, *after.lines], before.first, after.end)


def _page(look: Look, there: Extent) -> Page[LogLine]:
    return Page(look.lines, cursors.cursor("logs", look.end) if look.end < there.next_line else None)


async def _extent(call: Call, job_id: UUID) -> Extent:
    await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    return await loglook.extent(call, job_id)


def _check_place(query: LogsQuery) -> None:
    """At most one place. Raises Invalid."""
    given = [name for name in ("from_line", "tail", "around") if getattr(query, name) is not None]
    if len(given) > 1:
        raise Invalid(
            f"{' and '.join(given)} name different places; give one of them", fields={given[1]: "one too many"}
        )
    if query.before_line is not None and query.tail is None:
        raise Invalid("before_line says where the last lines end; give tail, too", fields={"before_line": "needs tail"})
