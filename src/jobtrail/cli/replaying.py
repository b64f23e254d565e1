"""From the parts of a recording to views of a job as it stood then, one for each thing that happened. Nothing is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from jobtrail.cli.follow import View
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Attempt, Event, Job, Result, Step
from jobtrail.core.recording import Header, Part
from jobtrail.core.status import AttemptStatus, StepStatus

_BLANK: Final[dict[str, Any]] = {
    "wait_reason": None, "stage": None, "progress": 0.0, "attempt_id": None, "attempt_count": 0, "failure_count": 0,
    "loss_count": 0, "error_code": None, "error_message": None, "actual_seconds": None, "started_at": None,
    "completed_at": None, "cancel_requested_at": None, "cancel_reason": None,
}  # fmt: skip
"""How a job begins."""
_TOLD: Final = (
    "wait_reason", "stage", "progress", "failure_count", "loss_count", "error_code", "error_message", "cancel_reason",
    "priority", "queue", "title",
)  # fmt: skip
"""What an event may tell of a job."""
_BEGINS: Final = frozenset({"step.started", "gate.started"})
_ENDS: Final = {
    "step.completed": StepStatus.COMPLETED, "gate.passed": StepStatus.COMPLETED, "gate.approved": StepStatus.COMPLETED,
    "step.failed": StepStatus.FAILED, "gate.failed": StepStatus.FAILED, "gate.rejected": StepStatus.FAILED,
    "gate.expired": StepStatus.FAILED, "step.skipped": StepStatus.SKIPPED,
}  # fmt: skip


class Replay:
    """Takes the parts of a recording one after the other, and knows how the job stood. `result` is there at the end."""

    def __init__(self) -> None:
        self.result: Result | None = None
        self._last: Job | None = None
        self._job: Job | None = None
        self._attempts: dict[UUID, Attempt] = {}
        self._steps: dict[UUID, Step] = {}
        self._begun: list[Attempt] = []
        self._shown: dict[UUID, Step] = {}

    @property
    def last(self) -> View:
        """How the job stood at the end. Raises ValueError before anything was read."""
        if self._last is None:
            raise ValueError("nothing was read yet")
        return View(self._last, list(self._steps.values()), list(self._attempts.values()))

    def take(self, part: Part) -> View | None:
        """A view of what is new; None where nothing is to be seen."""
        match part:
            case Header(job=job):
                self._last, self._job = job, replace(job, **_BLANK)
            case Attempt():
                self._attempts[part.id] = part
            case Step():
                self._steps[part.id] = part
            case Result():
                self.result = part
            case Event():
                return self._happened(part)
            case LogLine():
                return replace(self._view(part.at), lines=[part])
            case _:
                return None
        return None

    def _happened(self, event: Event) -> View:
        job, last = self._job, self._last
        if job is None or last is None:
            raise ValueError("an event came before the job")
        note = event.payload if isinstance(event.payload, dict) else {}
        told = {name: note[name] for name in _TOLD if name in note}
        if event.type == "job.started":
            told |= {"attempt_id": event.attempt_id, "attempt_count": job.attempt_count + 1, "started_at": event.at}
        self._job = replace(job, status=event.status, version=event.seq, updated_at=event.at, **told)
        if event.seq == last.version:
            self._job = last
        self._follow_attempts(event)
        self._follow_steps(event)
        return replace(self._view(event.at), events=[event])

    def _follow_attempts(self, event: Event) -> None:
        attempt = self._attempts.get(event.attempt_id) if event.attempt_id else None
        if attempt is not None and all(one.id != attempt.id for one in self._begun):
            self._begun.append(attempt)
        self._begun = [_as_of(one, self._attempts[one.id], event.at) for one in self._begun]

    def _follow_steps(self, event: Event) -> None:
        step = self._steps.get(event.step_id) if event.step_id else None
        if step is None:
            return
        note = event.payload if isinstance(event.payload, dict) else {}
        status = None if note.get("told") else _ENDS.get(event.type)  # what a runner tells of a gate ends no step
        if status is not None:
            error = note.get("error", step.error_message)
            self._shown[step.id] = step if step.status == status else replace(step, status=status, error_message=error)
        elif event.type in _BEGINS or step.id not in self._shown:
            self._shown[step.id] = replace(
                step, status=StepStatus.RUNNING, completed_at=None, duration_ms=None, error_message=None
            )

    def _view(self, at: datetime) -> View:
        if self._job is None:
            raise ValueError("something happened before the job")
        steps = sorted(self._shown.values(), key=lambda step: step.ordinal)
        return View(self._job, steps, list(self._begun), now=at)


def views(parts: Iterable[Part], replay: Replay, pause: Callable[[datetime], bool]) -> Iterator[View]:
    """The views of a recording. `pause` waits until it is time for what happened then; False ends the replay."""
    for part in parts:
        view = replay.take(part)
        if view is None or view.now is None:
            continue
        if not pause(view.now):
            return
        yield view


def _as_of(seen: Attempt, whole: Attempt, at: datetime) -> Attempt:
    if whole.ended_at is not None and whole.ended_at <= at:
        return whole if seen.ended_at is None else seen
    return replace(
        whole, status=AttemptStatus.RUNNING, ended_at=None, error_code=None, error_message=None, exit_code=None
    )
