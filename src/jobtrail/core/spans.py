"""What of a job lasted how long, read from its trail: waits, attempts, and each run of a step. No I/O, no clock.

What ran twice is there twice: the rows know only the last run, the trail knows all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

from jobtrail.core.model import Attempt, Event
from jobtrail.core.status import AttemptStatus, JobStatus, StepStatus, WaitReason

WAITED: Final = "WAITED"
WAITS: Final = "WAITS"
IN_QUEUE: Final[str] = JobStatus.QUEUED
_WAITING: Final = (JobStatus.PENDING, JobStatus.VALIDATING, JobStatus.QUEUED)
_WAITS_FOR: Final[dict[str, str]] = {
    IN_QUEUE: "in its queue",
    WaitReason.RETRY: "to be tried again",
    WaitReason.SCHEDULE: "for its time",
    WaitReason.QUOTA: "for a quota",
    WaitReason.BUDGET: "for a budget",
    WaitReason.SIGNAL: "for a signal",
    WaitReason.GATE: "for a decision",
    WaitReason.CHILD: "for jobs that it started",
    WaitReason.DEPENDENCY: "for jobs that it needs",
    WaitReason.VALIDATION: "for the check of its input",
}
SUSPENDED: Final = frozenset(word.lower() for word in WaitReason)
"""What the row of an attempt says that gave its slot back on purpose, so that its job may wait."""

_BEGINS: Final = frozenset({"step.started", "gate.started"})
_ENDS: Final[dict[str, str]] = {
    "step.completed": StepStatus.COMPLETED,
    "gate.passed": StepStatus.COMPLETED,
    "step.skipped": StepStatus.SKIPPED,
    "step.failed": StepStatus.FAILED,
    "gate.failed": StepStatus.FAILED,
}


class What(StrEnum):
    """What lasts."""

    WAIT = "wait"
    ATTEMPT = "attempt"
    STEP = "step"


class Span(NamedTuple):
    """Something that lasted from `start` to `end` (None: it goes on). `name`: of the step, or what is waited for.

    `reason`: of a wait, the word for it. `error`: how it went wrong, if somebody said. A named tuple: there are thousands.
    """

    what: What
    name: str
    status: str
    start: datetime
    end: datetime | None
    number: int = 0
    worker_id: UUID | None = None
    attempt_id: UUID | None = None
    step_id: UUID | None = None
    is_gate: bool = False
    reason: str | None = None
    error: str | None = None

    @property
    def is_suspended(self) -> bool:
        """Whether it ended on purpose, so that its job may wait."""
        return self.status == AttemptStatus.INTERRUPTED and self.reason in SUSPENDED

    def seconds(self, now: datetime) -> float:
        """How long it took, until `now` if it goes on."""
        return ((self.end or now) - self.start).total_seconds()


def waits_of(trail: Iterable[Event]) -> list[Span]:
    """The waits of a job in order, one for each thing that it waited for."""
    found: list[Span] = []
    reason, begun = "", None
    for event in trail:
        waits = _reason(event, reason) if event.status in _WAITING else ""
        if waits == reason:
            continue
        if begun is not None and event.at > begun:
            found.append(_wait(reason, begun, event.at))
        reason, begun = waits, event.at if waits else None
    if begun is not None:
        found.append(_wait(reason, begun, None))
    return found


def together(waits: Sequence[Span]) -> list[Span]:
    """Waits without a gap between them as one, which is named after the first."""
    found: list[Span] = []
    for wait in waits:
        if found and found[-1].end == wait.start:
            found[-1] = found[-1]._replace(end=wait.end, status=wait.status)
        else:
            found.append(wait)
    return found


def attempts_of(attempts: Iterable[Attempt]) -> list[Span]:
    """The attempts of a job, as they stand in their rows."""
    return [
        Span(
            What.ATTEMPT,
            f"attempt {attempt.number}",
            attempt.status,
            attempt.started_at,
            attempt.ended_at,
            number=attempt.number,
            worker_id=attempt.worker_id,
            attempt_id=attempt.id,
            reason=attempt.error_code,
            error=attempt.error_message,
        )
        for attempt in attempts
    ]


def runs_of(attempts: Iterable[Attempt], trail: Iterable[Event]) -> dict[UUID, list[Span]]:
    """Each run of a step by the attempt that it ran in, earliest first. A run without an end of its own ended with its
    attempt, and as that did."""
    by_attempt: dict[UUID | None, list[Event]] = {}
    for event in trail:
        if event.type in _BEGINS or event.type in _ENDS:
            by_attempt.setdefault(event.attempt_id, []).append(event)
    return {attempt.id: _runs(attempt, by_attempt.get(attempt.id, [])) for attempt in attempts}


def _runs(attempt: Attempt, trail: Iterable[Event]) -> list[Span]:
    open_runs: dict[object, Span] = {}
    done: list[Span] = []
    for event in trail:
        note = note_of(event)
        name = str(note.get("step", ""))
        which = (
            event.step_id,
            name if note.get("told") else None,
        )  # what a runner tells is no end of the step around it
        if event.type in _BEGINS:
            open_runs[which] = _run(attempt, event, name, StepStatus.RUNNING)
            continue
        begun = open_runs.pop(which, None) or _run(attempt, event, name, StepStatus.RUNNING)
        error = note.get("error") or note.get("why")
        done.append(begun._replace(status=_ENDS[event.type], end=event.at, error=None if error is None else str(error)))
    for begun in open_runs.values():
        if attempt.ended_at is None:
            done.append(begun)
        else:
            done.append(begun._replace(status=attempt.status, end=attempt.ended_at, reason=attempt.error_code))
    return sorted(done, key=lambda span: span.start)


def _run(attempt: Attempt, event: Event, name: str, status: str) -> Span:
    return Span(
        What.STEP,
        name,
        status,
        event.at,
        None,
        number=attempt.number,
        worker_id=attempt.worker_id,
        attempt_id=attempt.id,
        step_id=None if note_of(event).get("told") else event.step_id,
        is_gate=event.type.startswith("gate."),
    )


def waits_for(reason: str | None) -> str:
    """What a wait reason, or QUEUED, is called: for a decision."""
    return _WAITS_FOR.get(reason or "", "to go on")


def note_of(event: Event) -> Mapping[str, Any]:
    """What an event says beside its type; nothing where that is no object."""
    return event.payload if isinstance(event.payload, dict) else {}


def _reason(event: Event, before: str) -> str:
    """What a job waits for after an event; `before`: what it waited for until then."""
    if event.status == JobStatus.QUEUED:
        return IN_QUEUE
    if event.status == JobStatus.VALIDATING:
        return WaitReason.VALIDATION
    changed = note_of(event).get("wait_reason", before if before != IN_QUEUE else None)
    return str(changed or JobStatus.PENDING)


def _wait(reason: str, start: datetime, end: datetime | None) -> Span:
    return Span(What.WAIT, waits_for(reason), WAITS if end is None else WAITED, start, end, reason=reason)
