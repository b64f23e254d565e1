"""What a job took in and made: its input, its result, what its steps left behind; and the form that reruns it with edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core.aside import StepOutput
from jobtrail.core.described import RESERVED
from jobtrail.core.errors import NotFound
from jobtrail.core.model import Job, Result
from jobtrail.core.payload import Difference, Payload, differences, payload
from jobtrail.core.status import StepStatus
from jobtrail.service import jobs, steps
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.api.types import get_type
from jobtrail.web.pages.job_head import AtQuery, JobHead, job_head
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_INLINE: Final = 8 << 10
"""So long may a step's output be to be shown without being asked for."""


class DataQuery(AtQuery, frozen=True, kw_only=True):
    """Which step's output is wanted whole, and with which other job's input this one is compared."""

    step: UUID | None = None
    other: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepData:
    """What a step left behind; `payload` is None where it is long and was not asked for."""

    step: StepOutput
    payload: Payload | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The input beside that of another job."""

    job: Job
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class _Found:
    result: Result | None
    outputs: list[StepOutput]


async def show_job_data(call: Call, job_id: UUID, query: DataQuery) -> Response:
    """The input, the result and the outputs of the steps of a job."""
    head = await job_head(call, job_id, query.at)
    found = await call.read(_read(call.workspace, head, query.step))
    result = found.result
    return await page(
        call,
        "job/data.html",
        head.name,
        head=head,
        tab="Data",
        query=query,
        input=payload(head.job.input),
        result=result,
        made=None if result is None or result.output is None else payload(result.output),
        outputs=_shown(found.outputs, query.step),
        compared=await _compared(call, head.job, query.other),
    )


async def get_job_value(call: Call, job_id: UUID, part: str) -> Response:
    """One value whole, as a file: `input`, `result`, or the output of a step by its id. Raises NotFound."""
    job = await call.found(jobs.get(call.workspace, job_id), f"job {job_id}")
    value = await _value(call, job, part)
    raw = msgspec.json.format(msgspec.json.encode(value), indent=2)
    name = f"{job_id}-{part}.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(raw, headers=headers, media_type="application/json")


async def show_rerun(call: Call, job_id: UUID) -> Response:
    """The form of a new job like this one; none for the system's own jobs. Raises NotFound."""
    head = await job_head(call, job_id)
    try:
        detail = await get_type(call, head.job.type)
    except NotFound:
        detail = None
    schema = detail.input_schema if detail else None
    return await page(
        call,
        "job/rerun.html",
        f"Rerun {head.name}",
        head=head,
        tab="Data",
        schema="" if schema is None else msgspec.json.encode(schema).decode(),
        value=msgspec.json.encode(head.job.input).decode(),
        is_served=detail is not None and detail.workers > 0,
        is_own=head.job.type.startswith(RESERVED),
    )


@flow
def _read(workspace: UUID, head: JobHead, whole: UUID | None) -> Steps[_Found]:
    wanted = steps.outputs(workspace, head.job.id, most_bytes=_INLINE, whole=whole)
    if head.was is not None:
        then = {one.id: one.status for one in head.was.known.steps}
        found = [one for one in (yield from ask(wanted)) if one.id in then]
        return _Found(head.was.known.result, [_as_of(one, then[one.id]) for one in found])
    result = yield from ask(jobs.result(workspace, head.job.id))
    return _Found(result, (yield from ask(wanted)))


def _as_of(now: StepOutput, status: str) -> StepOutput:
    """What a step had left behind by then: what it has now, for what completed never runs again, or nothing."""
    return now if status == StepStatus.COMPLETED else replace(now, status=status, bytes=0, output=None)


def _shown(outputs: Sequence[StepOutput], whole: UUID | None) -> list[StepData]:
    shown = []
    for one in outputs:
        is_short = one.bytes <= _INLINE or one.id == whole
        has_any = is_short and one.output is not None
        shown.append(StepData(step=one, payload=payload(one.output) if has_any else None))
    return shown


async def _compared(call: Call, job: Job, other: UUID | None) -> Compared | None:
    """With the job that is named, else with the one that it was rerun from, as long as that is there."""
    wanted = other or job.rerun_of
    if wanted is None:
        return None
    before = await call.read(jobs.get(call.workspace, wanted))
    if before is None and other is not None:
        raise NotFound(f"there is no job {other} in this workspace to compare with")
    return None if before is None else Compared(job=before, differences=differences(before.input, job.input))


async def _value(call: Call, job: Job, part: str) -> Any:
    if part == "input":
        return job.input
    if part == "result":
        result = await call.found(jobs.result(call.workspace, job.id), f"result of job {job.id}")
        return result.output
    for one in await call.read(steps.outputs(call.workspace, job.id, most_bytes=0, whole=_id(part))):
        if str(one.id) == part:
            return one.output
    raise NotFound(f"job {job.id} has no value {part!r}; there are input, result, and the ids of its steps")


def _id(part: str) -> UUID | None:
    try:
        return UUID(part)
    except ValueError:
        return None
