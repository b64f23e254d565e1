"""What stands above the pages of one job, beside the job itself. The fields stand in the order of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Headline:
    """What hangs on a job, counted (up to 10 001), and the worker of its open attempt. A cost of None is unknown.

    `silent_seconds`: since the worker's last sign; `lease_seconds`: until its jobs go to others, negative when late.
    `heir_id`: the job that took its unique key; `took_from_id`: the one from which it took it.
    """

    steps: int
    steps_completed: int
    files: int
    log_lines: int
    calls: int
    cost_usd: Decimal | None
    unpriced_calls: int
    reruns: int
    children: int
    heir_id: UUID | None
    took_from_id: UUID | None
    gate_id: UUID | None
    gate_question: str | None
    worker_id: UUID | None
    worker_name: str | None
    silent_seconds: float | None
    lease_seconds: float | None
    stop_reason: str | None


@dataclass(frozen=True, slots=True)
class FailingStep:
    """The step at which a job failed last, in the attempt that ended it."""

    id: UUID
    name: str
    phase: str
    error_message: str | None
    attempt_id: UUID
    attempt_number: int
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Related:
    """A job beside another: made from it, or started by it."""

    id: UUID
    type: str
    title: str | None
    status: str
    created_at: datetime
    is_rerun: bool


@dataclass(frozen=True, slots=True)
class Usual:
    """How long the newest completed jobs of a type took, in seconds: the quarter, the middle, and three quarters."""

    jobs: int
    low: float | None
    middle: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a trail that one may go back to."""

    seq: int
    type: str
    at: datetime
