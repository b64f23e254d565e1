"""A job as it was at a time: its events up to then are folded, and of the rows that hang on it that is kept which was
there. Pure, no clock. What a later attempt wrote over (the output of a step that ran again) nobody knows any more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec

from jobtrail.core import fold, spans
from jobtrail.core.chain import Link
from jobtrail.core.model import Asset, Attempt, Event, Gate, Job, Result, Step, Usage
from jobtrail.core.spans import Span
from jobtrail.core.status import AttemptStatus, GateStatus, JobStatus, StepStatus, WaitReason

T = TypeVar("T")

_TIMES: Final = frozenset({
    "scheduled_at", "cancel_at", "cancel_requested_at", "created_at", "updated_at", "queued_at", "started_at",
    "completed_at",
})  # fmt: skip
_IDS: Final = frozenset({
    "id", "workspace_id", "project_id", "task_id", "parent_id", "rerun_of", "attempt_id", "root_id", "schedule_id", "fork_of",
})  # fmt: skip
_WORDS: Final = tuple(field.name for field in fields(Job))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A job and what hangs on it. `events`: its trail in order, from the first one that is still there."""

    job: Job
    events: Sequence[Event]
    attempts: Sequence[Attempt] = ()
    steps: Sequence[Step] = ()
    gates: Sequence[Gate] = ()
    usage: Sequence[Usage] = ()
    assets: Sequence[Asset] = ()
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The same at a time. `seq`: of the last event by then; `has_result`: whether its generation had one."""

    at: datetime
    seq: int
    known: Known
    has_result: bool


def as_of(now: Known, at: datetime) -> Past:
    """What of a job was so at a time; before its first event that is known, as of this one.

    Raises ValueError for a job without any events: nothing tells what it was.
    """
    if not now.events:
        raise ValueError(f"of job {now.job.id} there are no events left: nothing tells what it was")
    at = max(at, now.events[0].at)
    trail = now.events[: bisect_right(now.events, at, key=lambda event: event.at)]
    folded = fold.fold([_link(now.job, event) for event in trail])
    job = _job(now.job, folded.row)
    open_id = job.attempt_id if job.status == JobStatus.RUNNING else None
    attempts = [_attempt(one, trail, is_open=one.id == open_id) for one in now.attempts if one.started_at <= at]
    runs: dict[UUID | None, list[Span]] = {}
    for found in spans.runs_of(attempts, trail).values():
        for run in found:
            runs.setdefault(run.step_id, []).append(run)
    steps = [there for one in now.steps if (there := _step(one, runs.get(one.id, ()), at)) is not None]
    result = now.result
    if result is not None and (result.created_at > at or result.generation != job.generation):
        result = None
    known = Known(
        job=job,
        events=trail,
        attempts=attempts,
        steps=steps,
        gates=[asked for gate in now.gates if (asked := _gate(gate, now.events, trail, at)) is not None],
        usage=[one for one in now.usage if one.at <= at],
        assets=[one for one in now.assets if one.created_at <= at],
        result=result,
    )
    return Past(at=at, seq=trail[-1].seq, known=known, has_result=job.generation in folded.results)


def sentence(past: Past, worker: str | None = None) -> str:
    """Where the job stood, in a sentence; `worker`: the name of the one that its open attempt ran on."""
    job = past.known.job
    match JobStatus(job.status):
        case JobStatus.RUNNING:
            return f"It ran{f' on worker {worker}' if worker else ''}, in attempt {job.attempt_count}."
        case JobStatus.COMPLETED:
            return "It was done."
        case JobStatus.FAILED:
            return f"It had failed{_because(job.error_code, job.error_message)}."
        case JobStatus.CANCELLED:
            return f"It had been cancelled{_because(None, job.cancel_reason)}."
        case JobStatus.QUEUED:
            return f"It was ready and waited in queue {job.queue}."
        case JobStatus.VALIDATING:
            return "Its input was being checked."
        case JobStatus.PENDING:
            failed = job.wait_reason == WaitReason.RETRY
            why = f" after it had failed{_because(job.error_code, job.error_message)}" if failed else ""
            return f"It waited {spans.waits_for(job.wait_reason)}{why}."


def _because(code: str | None, message: str | None) -> str:
    said = " ".join((message or "").split()).rstrip(".")[:300]
    if code and not said.startswith(code):
        said = f"{code}: {said}" if said else code
    return f": {said}" if said else ""


def _link(job: Job, event: Event) -> Link:
    """An event as the fold takes it. Hash and transaction are left out: they are for the audit."""
    payload = None if event.payload is None else msgspec.json.encode(event.payload).decode()
    return Link(
        str(job.workspace_id),
        str(job.id),
        event.seq,
        fold.since_epoch(event.at).to_bytes(8, "big", signed=True),
        event.type,
        event.status,
        _text(event.attempt_id),
        _text(event.step_id),
        event.actor_type,
        event.actor_id,
        payload,
        b"",
        0,
    )


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def _job(now: Job, row: dict[str, Any]) -> Job:
    """The row that the events left behind. What they cannot tell, as the input, never changes."""
    return Job(**{name: _value(name, row[name]) if name in row else getattr(now, name) for name in _WORDS})


def _value(name: str, said: Any) -> Any:
    if name in _TIMES and isinstance(said, int):
        return fold.at_epoch(said)
    return UUID(said) if name in _IDS and isinstance(said, str) else said


def _attempt(now: Attempt, trail: Sequence[Event], *, is_open: bool) -> Attempt:
    if not is_open:
        return now
    progress = 0.0
    for event in reversed(trail):
        said = spans.note_of(event).get("progress")
        if event.attempt_id == now.id and isinstance(said, int | float):
            progress = float(said)
            break
    return replace(
        now,
        status=now.status if now.ended_at is None else AttemptStatus.RUNNING,
        progress=progress,
        cpu_seconds=None,
        memory_bytes=None,
        disk_bytes=None,
        exit_code=None,
        error_code=None,
        error_message=None,
        stack_trace=None,
        ended_at=None,
    )


def _step(now: Step, runs: Sequence[Span], at: datetime) -> Step | None:
    """A step as it was; None where it had not been met. Its row is of its last run, which may have come later."""
    if now.completed_at is not None and now.completed_at <= at:
        return now
    run = runs[-1] if runs else None
    if run is None:
        if now.started_at is None or now.started_at > at:
            return None
        return _unfinished(now, StepStatus.RUNNING, now.attempt_id, now.started_at)
    if run.status in (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED) and run.end is not None:
        started = None if run.status == StepStatus.SKIPPED else run.start
        ended = _unfinished(now, run.status, run.attempt_id, started)
        return replace(ended, completed_at=run.end, error_message=run.error)
    # The row says FAILED of a step that was cut off with its attempt, but RUNNING while its job waits.
    if run.end is None or run.is_suspended:
        is_last = run.attempt_id == now.attempt_id and now.started_at is not None and now.started_at <= run.start
        if is_last and now.completed_at is None:
            return now
        return _unfinished(now, StepStatus.RUNNING, run.attempt_id, now.started_at if is_last else run.start)
    return replace(_unfinished(now, StepStatus.FAILED, run.attempt_id, run.start), completed_at=run.end)


def _unfinished(now: Step, status: str, attempt_id: UUID | None, started_at: datetime | None) -> Step:
    return replace(
        now,
        status=status,
        attempt_id=attempt_id,
        started_at=started_at,
        output=None,
        tokens_input=0,
        tokens_output=0,
        cost_usd=None,
        error_message=None,
        completed_at=None,
        duration_ms=None,
    )


def _gate(now: Gate, events: Sequence[Event], trail: Sequence[Event], at: datetime) -> Gate | None:
    """A gate as it was; None where nobody had been asked. The trail knows, where it still has the question."""
    asked = _seq_of(events, "gate.requested", now)
    if asked is None:
        is_asked, is_decided = now.asked_at <= at, now.decided_at is not None and now.decided_at <= at
    else:
        decided = _seq_of(events, "gate." + now.status.lower(), now)
        is_asked, is_decided = asked <= trail[-1].seq, decided is not None and decided <= trail[-1].seq
    if not is_asked:
        return None
    return now if is_decided else replace(now, status=GateStatus.WAITING, decided_at=None)


def _seq_of(events: Sequence[Event], type: str, gate: Gate) -> int | None:
    """The last event of a type that names a gate: several may have to approve."""
    found = (
        one.seq for one in reversed(events) if one.type == type and spans.note_of(one).get("gate_id") == str(gate.id)
    )
    return next(found, None)
