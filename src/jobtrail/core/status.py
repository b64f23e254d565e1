"""The words for what state a thing is in, and MOVES, the one table of legal moves.

The SQL guard, the diagram in the docs and the list of allowed actions are rendered from here; nothing else may say
what follows what.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    """Where a job stands."""

    PENDING = "PENDING"
    VALIDATING = "VALIDATING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class DeliveryStatus(StrEnum):
    """Where the delivery of an event to a webhook stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class WaitReason(StrEnum):
    """Why a PENDING job waits."""

    SCHEDULE = "SCHEDULE"
    RETRY = "RETRY"
    DEPENDENCY = "DEPENDENCY"
    GATE = "GATE"
    SIGNAL = "SIGNAL"
    CHILD = "CHILD"
    QUOTA = "QUOTA"
    BUDGET = "BUDGET"
    PAUSED = "PAUSED"
    LIMIT = "LIMIT"
    VALIDATION = "VALIDATION"


class AttemptStatus(StrEnum):
    """How one try stands or ended. LOST and INTERRUPTED are not failures of the job's code."""

    INITIALIZING = "INITIALIZING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"
    INTERRUPTED = "INTERRUPTED"
    LOST = "LOST"


class StepStatus(StrEnum):
    """Where a step stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class Phase(StrEnum):
    """The part of a job that a step belongs to. CLEANUP always runs."""

    SETUP = "SETUP"
    EXECUTION = "EXECUTION"
    VALIDATION = "VALIDATION"
    CLEANUP = "CLEANUP"


class StepType(StrEnum):
    """What a step does."""

    COMMAND = "COMMAND"
    AI_ACTION = "AI_ACTION"
    GATE = "GATE"
    ARTIFACT = "ARTIFACT"


class UniqueScope(StrEnum):
    """For how long a job holds its unique key: until it starts, until it ends, unless it failed or was cancelled, for good."""

    WAITING = "WAITING"
    LIVE = "LIVE"
    COMPLETED = "COMPLETED"
    ANY = "ANY"


class ParentPolicy(StrEnum):
    """What comes of a job when its parent fails or is cancelled."""

    CANCEL = "CANCEL"
    KEEP = "KEEP"


class DependsMode(StrEnum):
    """Whether a job waits for all that it depends on, or for one of them."""

    ALL = "ALL"
    ANY = "ANY"


class DependencyPolicy(StrEnum):
    """What comes of a job when what it depends on does not complete: it fails, is cancelled, or runs all the same."""

    FAIL = "FAIL"
    CANCEL = "CANCEL"
    RUN = "RUN"


class ResultStatus(StrEnum):
    """What a finished job made of its work."""

    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"
    FAILURE = "FAILURE"


class GateStatus(StrEnum):
    """Where a decision that people make stands."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class ErrorStatus(StrEnum):
    """What people said of errors that are alike: that they know of them, or that they are mended."""

    MUTED = "MUTED"
    RESOLVED = "RESOLVED"


class TaskStatus(StrEnum):
    """Where a task stands."""

    BACKLOG = "BACKLOG"
    READY = "READY"
    IN_PROGRESS = "IN_PROGRESS"
    REVIEW = "REVIEW"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class ActorType(StrEnum):
    """What sort of actor did it."""

    USER = "user"
    API_KEY = "api_key"
    WORKER = "worker"
    SCHEDULE = "schedule"
    SYSTEM = "system"


class LogLevel(StrEnum):
    """How much a log line matters."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"
    FATAL = "FATAL"


class LogSource(StrEnum):
    """Where a log line came from."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"
    SYSTEM = "SYSTEM"
    MODEL = "MODEL"
    TOOL = "TOOL"
    USER = "USER"


RUNNER_WAITS: Final = frozenset(
    {
        WaitReason.DEPENDENCY,
        WaitReason.SIGNAL,
        WaitReason.CHILD,
        WaitReason.QUOTA,
        WaitReason.BUDGET,
        WaitReason.LIMIT,
    }
)
"""What a runner may say that its job waits for. The other reasons are the words of verbs."""

STARTABLE: Final = frozenset({WaitReason.SCHEDULE, WaitReason.RETRY, WaitReason.QUOTA, WaitReason.BUDGET})
"""Waits that an actor may end before their time; `start_now.sql` says the same."""

TOLD: Final = frozenset(
    {
        "ai.tool_called",
        "ai.artifact_created",
        "gate.started",
        "gate.passed",
        "gate.failed",
        "budget.warned",
        "budget.exceeded",
    }
)
"""Events that a runner may write by itself while its job runs; `link_job_change` keeps the note of each."""

PRIORITIES: Final = {"LOW": 2, "MEDIUM": 5, "HIGH": 8, "URGENT": 10}
"""Names for priorities; the integer runs from 1 to 10 and the higher runs sooner."""

FINAL: Final = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
"""The statuses in which nothing more happens unless an actor retries the job."""

OPEN_ATTEMPT: Final = frozenset({AttemptStatus.INITIALIZING, AttemptStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class Move:
    """One legal move of a job: from `source` (None: it did not exist) to `target`, recorded as `event`."""

    source: JobStatus | None
    target: JobStatus
    event: str


def _moves() -> tuple[Move, ...]:
    pending, validating, queued, running = (
        JobStatus.PENDING,
        JobStatus.VALIDATING,
        JobStatus.QUEUED,
        JobStatus.RUNNING,
    )
    completed, failed, cancelled = JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED
    changes = [
        (queued, running, "job.started"),
        (running, completed, "job.completed"),
        (None, queued, "job.created"),
        (None, pending, "job.created"),
        (pending, validating, "job.validating"),
        (pending, queued, "job.queued"),
        (pending, queued, "job.resumed"),
        (pending, queued, "gate.approved"),
        (pending, queued, "gate.rejected"),
        (pending, queued, "gate.expired"),
        (pending, cancelled, "job.cancelled"),
        (pending, failed, "job.failed"),
        (validating, queued, "job.queued"),
        (validating, failed, "job.failed"),
        (validating, cancelled, "job.cancelled"),
        (validating, pending, "job.lost"),
        (validating, pending, "job.retry_scheduled"),
        (validating, pending, "job.interrupted"),
        (validating, pending, "job.updated"),
        (queued, pending, "job.updated"),
        (queued, cancelled, "job.cancelled"),
        (queued, failed, "job.failed"),
        (running, failed, "job.failed"),
        (running, cancelled, "job.cancelled"),
        (running, pending, "job.retry_scheduled"),
        (running, pending, "job.snoozed"),
        (running, pending, "job.waiting"),
        (running, pending, "gate.requested"),
        (running, queued, "job.interrupted"),
        (running, queued, "job.lost"),
        (failed, queued, "job.retried"),
        (cancelled, queued, "job.retried"),
    ]
    while_running = (
        "job.progress job.updated job.cancel_requested step.started step.progress step.completed step.failed "
        "step.skipped gate.started gate.passed gate.failed ai.tool_called ai.tokens_used ai.artifact_created "
        "artifact.created budget.warned budget.exceeded"
    )
    stays = [(running, running, event) for event in while_running.split()]
    stays += [(status, status, "job.updated") for status in JobStatus if status is not running]
    stays += [(status, status, "artifact.created") for status in (pending, validating, queued)]
    stays += [(pending, pending, event) for event in ("gate.approved", "gate.rejected")]
    return tuple(Move(*row) for row in changes + stays)


MOVES: Final[tuple[Move, ...]] = _moves()

ATTEMPT_MOVES: Final = frozenset(
    {(None, AttemptStatus.INITIALIZING), (None, AttemptStatus.RUNNING)}
    | {(AttemptStatus.INITIALIZING, AttemptStatus.RUNNING)}
    | {(source, target) for source in OPEN_ATTEMPT for target in AttemptStatus if target not in OPEN_ATTEMPT}
)

STEP_MOVES: Final = frozenset(
    {(None, StepStatus.PENDING), (None, StepStatus.RUNNING), (None, StepStatus.SKIPPED)}
    | {(StepStatus.PENDING, StepStatus.RUNNING), (StepStatus.PENDING, StepStatus.SKIPPED)}
    | {(StepStatus.RUNNING, target) for target in StepStatus if target is not StepStatus.PENDING}
    | {(source, StepStatus.RUNNING) for source in (StepStatus.FAILED, StepStatus.SKIPPED)}
)
"""A step may start again from RUNNING, FAILED or SKIPPED when a new attempt meets it; never from COMPLETED."""


def holds_key(scope: str, status: str) -> bool:
    """Whether a job at `status` holds its unique key; the database's function of this name says the same."""
    match scope:
        case UniqueScope.ANY:
            return True
        case UniqueScope.COMPLETED:
            return status not in (JobStatus.FAILED, JobStatus.CANCELLED)
        case UniqueScope.WAITING:
            return status in (JobStatus.PENDING, JobStatus.VALIDATING, JobStatus.QUEUED)
        case _:
            return status not in FINAL


def targets(status: JobStatus) -> frozenset[JobStatus]:
    """The other statuses that a job may go to from `status`."""
    return frozenset(move.target for move in MOVES if move.source is status and move.target is not status)


def allowed_actions(status: JobStatus, wait_reason: WaitReason | None = None) -> tuple[str, ...]:
    """What an actor may do with a job in `status`: the verbs, as the API and the buttons name them."""
    actions = ["rerun"]
    if JobStatus.CANCELLED in targets(status):
        actions.append("cancel")
    if any(move.event == "job.retried" and move.source is status for move in MOVES):
        actions.append("retry")
    if status is JobStatus.PENDING and wait_reason is WaitReason.GATE:
        actions += ["approve", "reject"]
    if status is JobStatus.PENDING and wait_reason is WaitReason.SIGNAL:
        actions.append("signal")
    if status is JobStatus.PENDING and wait_reason in STARTABLE:
        actions.append("start_now")
    return tuple(sorted(actions))
