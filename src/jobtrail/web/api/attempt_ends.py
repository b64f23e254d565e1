"""Routes by which a worker ends its attempt: completed, failed, snoozed, cancelled, given back. Told twice, it is done once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import NotFound, StaleAttempt
from jobtrail.core.fence import Fence, Used
from jobtrail.core.retry import Backoff, delay_after
from jobtrail.core.status import RUNNER_WAITS, AttemptStatus, JobStatus, ResultStatus, WaitReason
from jobtrail.service import attempts, breakers, jobs, trail
from jobtrail.service.attempts import Completed, Failed, Held
from jobtrail.service.breakers import Outcomes
from jobtrail.store.query import Steps, ask
from jobtrail.web import lenient
from jobtrail.web.api.attempts import MESSAGE_BYTES, Whose, fence_of, redact
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Reason

_CODE_BYTES = 255
_SUMMARY_BYTES = 1_024
_STACK_BYTES = 256 << 10

Big = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class UsedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the attempt used, of all its processes."""

    cpu_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None
    memory_bytes: Big | None = None
    disk_bytes: Big | None = None
    exit_code: Annotated[int, msgspec.Meta(ge=-(1 << 31), le=(1 << 31) - 1)] | None = None


class Made(StrEnum):
    """How much of its work a job did."""

    SUCCESS = ResultStatus.SUCCESS.value
    PARTIAL = ResultStatus.PARTIAL.value


class CompleteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The job is done; its output (up to 1 MiB) becomes its result. What cannot be stored in it is replaced."""

    output: Any = None
    status: Made = Made.SUCCESS
    summary: str | None = None
    used: UsedBody = UsedBody()


class FailBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The attempt failed. The job is tried again as it was asked for, or after `retry_in_seconds`, or not at all."""

    message: str
    code: Name = "failed"
    stack: str | None = None
    retry: bool = True
    retry_in_seconds: Annotated[float, msgspec.Meta(ge=0, le=31_536_000)] | None = None
    timed_out: bool = False
    output: Any = None
    used: UsedBody = UsedBody()


class SnoozeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The job is to run again after a while; it uses up no attempt."""

    delay_seconds: Annotated[float, msgspec.Meta(ge=0, le=31_536_000)]
    reason: Reason | None = None


WaitsFor = StrEnum("WaitsFor", {reason: reason.value for reason in sorted(RUNNER_WAITS)})  # type: ignore[misc]
"""What a worker may say that its job waits for."""


class WaitBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the job waits for, and when it runs again (left out: when something wakes it). It uses up no attempt."""

    reason: WaitsFor
    message: Annotated[str, msgspec.Meta(max_length=MESSAGE_BYTES)]
    delay_seconds: Annotated[float, msgspec.Meta(ge=0, le=31_536_000)] | None = None
    note: dict[str, Any] = msgspec.field(default_factory=dict)
    used: UsedBody = UsedBody()


class StoppedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Why it was cancelled (left out: as it was ordered)."""

    reason: Reason | None = None
    used: UsedBody = UsedBody()


class EndedAttempt(msgspec.Struct, frozen=True):
    """How the job stands now, and when it runs again if it does. `repeated`: the attempt had ended so before."""

    job_id: UUID
    status: JobStatus
    scheduled_at: datetime | None
    repeated: bool


async def complete_attempt(call: Call, attempt_id: UUID, query: Whose) -> EndedAttempt:
    """End an attempt that did its job."""
    body = await lenient.told(call, CompleteBody)
    output = None if body.output is None else lenient.output_of(body.output)
    summary = None if body.summary is None else _text(body.summary, _SUMMARY_BYTES)

    def end(fence: Fence, held: Held) -> Steps[None]:
        done = Completed(fence, output, ResultStatus(body.status), summary, held.ms, _used(body.used))
        if (yield from attempts.complete([done]).begin()):
            raise _stale(fence)
        if held.open:
            yield from breakers.tell([Outcomes(fence.workspace_id, held.type, completed=1)]).begin()

    return await _end(call, attempt_id, query, end)


async def fail_attempt(call: Call, attempt_id: UUID, query: Whose) -> EndedAttempt:
    """End an attempt that failed."""
    body = await lenient.told(call, FailBody)
    code, message = jsonguard.clean_text(body.code, max_bytes=_CODE_BYTES), _text(body.message, MESSAGE_BYTES)
    stack = None if body.stack is None else _text(body.stack, _STACK_BYTES)
    output = None if body.output is None else lenient.output_of(body.output)
    status = AttemptStatus.TIMED_OUT if body.timed_out else AttemptStatus.FAILED

    def end(fence: Fence, held: Held) -> Steps[None]:
        again = _again(body, held)
        failed = Failed(fence, code, message, stack, again, status, output, held.ms, _used(body.used))
        yield from attempts.fail(failed).begin()
        if held.open and again is not None:  # else it was the job's own fault
            bad = {"timed_out": 1} if body.timed_out else {"failed": 1}
            yield from breakers.tell([Outcomes(fence.workspace_id, held.type, **bad)]).begin()

    return await _end(call, attempt_id, query, end)


async def snooze_attempt(call: Call, attempt_id: UUID, query: Whose, body: SnoozeBody) -> EndedAttempt:
    """Let the job run again later."""
    note = None if body.reason is None else jsonguard.encode({"reason": _text(body.reason, _SUMMARY_BYTES)}).decode()
    delay = timedelta(seconds=body.delay_seconds)

    return await _suspend(call, attempt_id, query, "job.snoozed", WaitReason.SCHEDULE, delay, note)


async def let_attempt_wait(call: Call, attempt_id: UUID, query: Whose, body: WaitBody) -> EndedAttempt:
    """End an attempt whose job waits for a quota, a budget, a signal or another job."""
    note = redact(trail.note_of({**body.note, "message": body.message}))
    delay = None if body.delay_seconds is None else timedelta(seconds=body.delay_seconds)
    reason, used = WaitReason(body.reason), _used(body.used)
    return await _suspend(call, attempt_id, query, "job.waiting", reason, delay, note, used)


async def cancel_attempt(call: Call, attempt_id: UUID, query: Whose, body: StoppedBody) -> EndedAttempt:
    """End an attempt that was stopped: the job is CANCELLED."""
    said = None if body.reason is None else _text(body.reason, _SUMMARY_BYTES)

    def end(fence: Fence, held: Held) -> Steps[None]:
        reason = said or held.reason or "cancelled"
        yield from attempts.end_cancelled(fence, reason, used=_used(body.used)).begin()

    return await _end(call, attempt_id, query, end)


async def release_attempt(call: Call, attempt_id: UUID, query: Whose) -> EndedAttempt:
    """Give an attempt back: the job is ready again at once, and no attempt is used up."""

    def end(fence: Fence, held: Held) -> Steps[None]:
        given = (yield from ask(attempts.interrupt([fence]))) if held.open else 0
        if not given and held.ended_as != AttemptStatus.INTERRUPTED:
            raise _stale(fence)

    return await _end(call, attempt_id, query, end)


async def _suspend(
    call: Call,
    attempt_id: UUID,
    whose: Whose,
    event: str,
    reason: WaitReason,
    delay: timedelta | None,
    note: str | None,
    used: Used = Used(),
) -> EndedAttempt:
    """Ends an attempt whose job waits, unless it is to be cancelled."""

    def end(fence: Fence, held: Held) -> Steps[None]:
        if held.open and held.cancel:
            yield from attempts.end_cancelled(fence, held.reason or "cancelled", used=used).begin()
        else:
            yield from attempts.suspend(fence, event, reason, delay, note, used).begin()

    return await _end(call, attempt_id, whose, end)


async def _end(call: Call, attempt_id: UUID, whose: Whose, end: Callable[[Fence, Held], Steps[None]]) -> EndedAttempt:
    fence = fence_of(call, attempt_id, whose)

    def work(held: Held) -> Steps[tuple[EndedAttempt, str]]:
        yield from end(fence, held)
        job = yield from ask(jobs.get(fence.workspace_id, fence.job_id))
        if job is None:
            raise NotFound(f"there is no job {fence.job_id} in this workspace")
        return EndedAttempt(job.id, JobStatus(job.status), job.scheduled_at, not held.open), held.queue

    ended, queue = await call.write(attempts.holding(fence, work, ends=True))
    if ended.status == JobStatus.QUEUED:
        call.runtime.nudger.nudge([queue])
    return ended


def _again(body: FailBody, held: Held) -> timedelta | None:
    if not body.retry:
        return None
    if body.retry_in_seconds is not None:
        return timedelta(seconds=body.retry_in_seconds)
    return delay_after(
        Backoff(held.backoff_type),
        timedelta(milliseconds=held.backoff_delay_ms),
        held.failure_count + 1,
        random.random(),  # noqa: S311  (jitter, no secret)
        max_delay=timedelta(milliseconds=held.backoff_max_ms),
    )


def _text(text: str, most: int) -> str:
    return redact(jsonguard.clean_text(text, max_bytes=most))


def _used(body: UsedBody) -> Used:
    return Used(body.cpu_seconds, body.memory_bytes, body.disk_bytes, body.exit_code)


def _stale(fence: Fence) -> StaleAttempt:
    return StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} is no longer open; stop its processes")
