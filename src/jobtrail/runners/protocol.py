"""What a runner is, and what it may ask of the worker that runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable
from uuid import UUID

from jobtrail.core.model import Asset
from jobtrail.core.outcome import Outcome
from jobtrail.core.status import LogLevel, LogSource, Phase, StepStatus, StepType
from jobtrail.service.usage import Call


class Assignment(NamedTuple):
    """The job and attempt that a context speaks for. `input` is JSON text."""

    job_id: UUID
    workspace_id: UUID
    attempt_id: UUID
    type: str
    number: int
    generation: int
    input: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that begins. `output` is the JSON that it answered before, when it need not run (`done`)."""

    step_id: UUID
    done: bool
    output: str | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log."""

    message: str
    level: LogLevel = LogLevel.INFO
    source: LogSource = LogSource.USER
    component: str | None = None
    operation: str | None = None
    correlation_id: str | None = None
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What people decided at a gate. `form` is what they filled in."""

    approved: bool
    by: tuple[str, ...]
    comment: str | None = None
    form: Any = None
    expired: bool = False


class Desk(Protocol):
    """What a context asks of the worker. Every call is fenced: a stale attempt raises `Dropped`."""

    @property
    def stop_reason(self) -> str | None:
        """Why the attempt should stop (cancelled, timed out, shutdown), or None."""

    async def stopping(self) -> str:
        """Waits until the attempt should stop; answers why."""

    async def begin_step(self, key: str, name: str, phase: Phase, type: StepType) -> Begun:
        """Starts a step, or answers what it remembered."""

    async def finish_step(self, step_id: UUID, status: StepStatus, output: str | None, error: str | None) -> None:
        """Ends a step; its output (JSON) is durable when this returns."""

    async def skip_step(self, key: str, name: str, phase: Phase, type: StepType, why: str) -> None:
        """Records a step that does not run."""

    def log(self, line: LogLine, step_id: UUID | None = None) -> None:
        """Takes a line; it is stored within some milliseconds, and before the attempt ends."""

    def progress(self, percent: float, stage: str | None = None) -> None:
        """Takes percent done; stored when the whole percent changes, at most once a second."""

    async def ask(
        self,
        key: str,
        question: str,
        *,
        phase: Phase,
        approvers: tuple[str, ...],
        needed: int,
        form: str | None,
        expires: timedelta | None,
    ) -> Decision:
        """Asks people. Without an answer yet it raises `Waits`, and the job goes on here later."""

    async def keep(
        self,
        name: str,
        source: Path | bytes | AsyncIterator[bytes],
        role: str,
        media_type: str | None,
        step_id: UUID | None,
    ) -> Asset:
        """Stores a file and makes it an asset."""

    async def use(self, call: Call, step_id: UUID | None) -> None:
        """Books tokens and money."""

    def metric(self, name: str, value: float, unit: str | None) -> None:
        """Takes a measured value of this attempt."""

    def alive(self) -> None:
        """Says that something moved: the idle timeout starts anew."""

    def workdir(self) -> Path:
        """A folder of this job on this machine; it outlives the attempt, not the job."""

    def secret(self, reference: str) -> str:
        """The value of an environment variable; from now on it is redacted from everything that is stored."""


@runtime_checkable
class Runner(Protocol):
    """Code that knows how to run one type of job."""

    type: str

    async def run(self, context: Any) -> Outcome:
        """Runs one attempt to its end. Exceptions become a failure of the attempt."""


RunnerFactory = Callable[[], Runner]
