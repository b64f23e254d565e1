"""Routes of what happens now: server-sent events of one job, or of the workspace."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

import msgspec
from starlette.responses import StreamingResponse
from starlette.types import Send

from jobtrail.core.errors import Invalid
from jobtrail.service import jobs
from jobtrail.web.api.job_lists import JobFilter, filter_of
from jobtrail.web.live import frame
from jobtrail.web.runtime import Call

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "keep-alive"}
_MOST_SEQ = 2_147_483_647
_Workspace = Annotated[UUID, msgspec.Meta(description="For a login: which of the person's workspaces.")]


class LastSeen(msgspec.Struct, frozen=True):
    """The `id` of the last event that was seen, as browsers send it when they come again."""

    last_event_id: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class JobStreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where to begin, and whether log lines are wanted."""

    after: Annotated[int, msgspec.Meta(ge=0, le=_MOST_SEQ, description="Only events with a higher seq.")] | None = None
    logs: bool = True
    workspace: _Workspace | None = None


class StreamQuery(JobFilter, frozen=True, kw_only=True):
    """Of which jobs, and after which event."""

    after: Annotated[str, msgspec.Meta(max_length=200, description="The `id` of an event of this stream.")] | None = (
        None
    )
    workspace: _Workspace | None = None


async def stream_job(call: Call, job_id: UUID, headers: LastSeen, query: JobStreamQuery) -> StreamingResponse:
    """Events of one job as they are stored, with its log lines and its progress, until it ends."""
    await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    after = query.after
    if headers.last_event_id:
        if not (headers.last_event_id.isascii() and headers.last_event_id.isdecimal()):
            raise Invalid("Last-Event-ID must be the id of an event of this stream", fields={"Last-Event-ID": "no id"})
        after = min(int(headers.last_event_id[:10]), _MOST_SEQ)
    return Stream(call.runtime.hub.job(call.workspace, job_id, after, call.principal.listener, logs=query.logs))


async def stream_workspace(call: Call, headers: LastSeen, query: StreamQuery) -> StreamingResponse:
    """Events of the workspace's jobs as they are stored, from now on or after the last one that was seen."""
    hub, filter = call.runtime.hub, filter_of(query)
    if cursor := headers.last_event_id or query.after:
        return Stream(hub.workspace(call.workspace, filter, cursor, call.principal.listener))
    cursor = await hub.position()  # before the answer begins: what happens from now on is told
    return Stream(_opened(cursor, hub.workspace(call.workspace, filter, cursor, call.principal.listener)))


async def _opened(cursor: str, frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Tells where the stream begins, for who is cut off before its first event."""
    async with aclosing(frames):
        yield frame.opened(cursor)
        async for each in frames:
            yield each


class Stream(StreamingResponse):
    """Server-sent events; whoever leaves, however they leave, is no listener any more."""

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        super().__init__(frames, media_type="text/event-stream", headers=_HEADERS)
        self._frames = frames

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._frames):
            await super().stream_response(send)
