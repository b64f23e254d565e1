"""The nouns as rows: what reads answer. The fields stand in the order of the columns of their statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from jobtrail.core.status import ActorType


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it."""

    type: ActorType
    id: str


@dataclass(frozen=True, slots=True)
class Job:
    """One durable unit of work. Durations in their unit, progress in percent, times in UTC."""

    id: UUID
    workspace_id: UUID
    project_id: UUID | None
    task_id: UUID | None
    parent_id: UUID | None
    rerun_of: UUID | None
    type: str
    queue: str
    status: str
    wait_reason: str | None
    stage: str | None
    priority: int
    title: str | None
    tags: list[str]
    input: Any
    version: int
    generation: int
    progress: float
    attempt_id: UUID | None
    attempt_count: int
    failure_count: int
    loss_count: int
    max_attempts: int
    backoff_type: str
    backoff_delay_ms: int
    backoff_max_ms: int
    timeout_seconds: float | None
    idle_timeout_seconds: float | None
    queue_timeout_seconds: float | None
    scheduled_at: datetime | None
    cancel_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    estimated_seconds: float | None
    actual_seconds: float | None
    error_code: str | None
    error_message: str | None
    unique_key: str | None
    concurrency_key: str | None
    created_by: str | None
    created_at: datetime
    queued_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    root_id: UUID | None = None
    schedule_id: UUID | None = None
    fork_of: UUID | None = None
    slots: int = 1
    concurrency_limit: int = 1
    unique_scope: str = "LIVE"
    unique_until: datetime | None = None
    on_parent: str = "CANCEL"
    depends_mode: str = "ALL"
    on_dependency: str = "FAIL"
    budgeted: bool = False
    reserve_usd: Decimal | None = None
    reserve_tokens: int | None = None


class Claimed(NamedTuple):
    """A job as a worker gets it: with the attempt that it now speaks for. `input` is JSON text.

    A named tuple: it is made for every job, in a third of the time.
    """

    workspace_id: UUID
    job_id: UUID
    attempt_id: UUID
    number: int
    type: str
    input: str
    failure_count: int
    max_attempts: int
    generation: int
    timeout_seconds: float | None
    idle_timeout_seconds: float | None
    backoff_type: str
    backoff_delay_ms: int
    backoff_max_ms: int
    traceparent: str | None = None
    fork_of: UUID | None = None
    slots: int = 1
    rank: int = 0
    budgeted: bool = False

    @property
    def remembers(self) -> bool:
        """Whether steps of earlier attempts may be there, or some that it took over from the job that it is a fork of."""
        return self.number > 1 or self.fork_of is not None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try by one worker under one lease."""

    id: UUID
    job_id: UUID
    number: int
    status: str
    worker_id: UUID
    process_id: int | None
    session_id: str | None
    progress: float
    cpu_seconds: float | None
    memory_bytes: int | None
    disk_bytes: int | None
    exit_code: int | None
    error_code: str | None
    error_message: str | None
    stack_trace: str | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Step:
    """A named part of a job with a remembered output."""

    id: UUID
    job_id: UUID
    attempt_id: UUID | None
    ordinal: int
    key: str
    name: str
    phase: str
    type: str
    status: str
    output: Any
    tokens_input: int
    tokens_output: int
    cost_usd: Decimal | None
    error_message: str | None
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a new attempt knows of a step of those before it. `output` and `decisions` are JSON text."""

    key: str
    step_id: UUID
    status: str
    output: str | None
    gate_status: str | None
    decisions: str | None
    on_expire: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the trail."""

    job_id: UUID
    seq: int
    type: str
    status: str
    step_id: UUID | None
    attempt_id: UUID | None
    actor_type: str
    actor_id: str | None
    payload: Any
    at: datetime
    hash: bytes


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Some consecutive log lines of a job; `body` has one JSON object a line."""

    first_line: int
    lines: int
    attempt_id: UUID
    step_id: UUID | None
    at: datetime
    body: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a job made."""

    job_id: UUID
    generation: int
    status: str
    summary: str | None
    output: Any
    execution_time_ms: int | None
    tokens_used: int | None
    cost_usd: Decimal | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and money of one call; a cost of None is unknown, not zero."""

    job_id: UUID
    attempt_id: UUID
    number: int
    step_id: UUID | None
    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None
    price_source: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a job took in or made, stored under its SHA-256."""

    id: UUID
    job_id: UUID | None
    attempt_id: UUID | None
    step_id: UUID | None
    name: str
    role: str
    media_type: str
    byte_size: int
    sha256: str
    storage_key: str
    created_at: datetime
    source_task_id: UUID | None = None
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """A decision that people make."""

    id: UUID
    job_id: UUID
    step_id: UUID
    question: str
    approvers: list[str]
    needed: int
    form: Any
    status: str
    asked_at: datetime
    expires_at: datetime | None
    decided_at: datetime | None
    on_expire: str = "REJECT"
    rejections: str = "FIRST"
    no_self_approval: bool = False
    comment_required: bool = False
    escalate_to: list[str] = field(default_factory=list)
    escalate_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A folder of tasks and jobs."""

    id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """What somebody wants done; it may own many jobs over time."""

    id: UUID
    project_id: UUID | None
    title: str
    description: str | None
    prompt: str | None
    config: Any
    tags: list[str]
    status: str
    priority: int
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that claims attempts; `workspace_id` is None for one that serves all workspaces. It was told to leave
    `left_queues` alone; `drain_…` is set while it was told to take nothing, and maybe to stop when it runs nothing."""

    id: UUID
    name: str
    host: str
    process_id: int
    version: str
    queues: list[str]
    types: list[str]
    slots: int
    started_at: datetime
    silent_seconds: float
    leased: bool
    draining_at: datetime | None
    stopped_at: datetime | None
    stop_reason: str | None
    running: int
    workspace_id: UUID | None
    left_queues: list[str] = field(default_factory=list)
    drain_asked_at: datetime | None = None
    drain_asked_by: str | None = None
    drain_reason: str | None = None
    drain_stops: bool = False


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How a queue of a workspace stands; `depth` is capped by who asked."""

    queue: str
    depth: int
    oldest_queued_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None


@dataclass(frozen=True, slots=True)
class QueueMinute:
    """How a queue stood at the end of a minute, and what went in, out and wrong in it."""

    at: datetime
    depth: int
    oldest_age_seconds: float
    jobs_in: int
    jobs_out: int
    failures: int
    wait_p50_ms: float | None
    wait_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class StatusCount:
    """How many jobs stand at a status; `capped`: there are more, or may be."""

    status: str
    jobs: int
    capped: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured value."""

    at: datetime
    metric_type: str
    metric_name: str
    value: float
    unit: str | None
    job_id: UUID | None
    attempt_id: UUID | None
    worker_id: UUID | None
    queue: str | None
    tags: Any


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What the calls of one key used together. `cost_usd` sums the known costs, and is None when none is known."""

    key: str
    calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None
    unpriced_calls: int
