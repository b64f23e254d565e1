"""The route of a job's recording: read page by page while it is sent, so that it takes little memory however long it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from starlette.responses import StreamingResponse

from jobtrail.core import recording
from jobtrail.core.loglines import lines_of
from jobtrail.core.model import Job
from jobtrail.core.recording import PAGE, Wanted, What
from jobtrail.service import attempts, jobs, logs, steps, trail, usage
from jobtrail.web.runtime import Call

_BYTES: Final = 64 << 10


async def get_recording(call: Call, job_id: UUID) -> StreamingResponse:
    """A job as lines of JSON: all that happened to it, in order, with its times; to be replayed, or tested with.

    It begins with `header` and ends with `end`; without the latter it was cut off.
    """
    job = await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    headers = {"Content-Disposition": f'attachment; filename="{job_id}.ndjson"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(_lines(call, job), media_type=recording.MEDIA_TYPE, headers=headers)


async def _lines(call: Call, job: Job) -> AsyncIterator[bytes]:
    course, answer, waiting = recording.record(job), None, bytearray()
    while True:
        try:
            said = course.send(answer)
        except StopIteration:
            break
        if isinstance(said, bytes):
            answer = None
            waiting += said
        else:
            answer = await _found(call, job.id, said)
        if len(waiting) >= _BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


async def _found(call: Call, job_id: UUID, wanted: Wanted) -> Any:
    workspace = call.workspace
    match wanted.what:
        case What.ATTEMPTS:
            return await call.read(attempts.listed(workspace, job_id))
        case What.STEPS:
            return await call.read(steps.listed(workspace, job_id))
        case What.USAGE:
            return await call.read(usage.listed(workspace, job_id))
        case What.EVENTS:
            return await call.read(trail.events(workspace, job_id, after=wanted.after, limit=PAGE))
        case What.LINES:
            chunks = await call.read(logs.read(workspace, job_id, from_line=wanted.after + 1))
            return [line for chunk in chunks for line in lines_of(chunk) if line.number > wanted.after]
        case What.RESULT:
            return await call.read(jobs.result(workspace, job_id))
