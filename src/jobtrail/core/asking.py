"""Who asks people at a gate, and who answered. The fields stand in the order of the columns of their statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Asker:
    """The job and the step that ask at a gate. `input` is that of the job, None where it is large."""

    gate_id: UUID
    job_id: UUID
    type: str
    title: str | None
    queue: str
    status: str
    wait_reason: str | None
    input: Any
    step: str
    phase: str


@dataclass(frozen=True, slots=True)
class GateDecision:
    """What one actor said at a gate. `voice`: as whom it counts; `link_id`: through which link it was said."""

    gate_id: UUID
    actor_type: str
    actor_id: str
    approved: bool
    comment: str | None
    form: Any
    at: datetime
    voice: str = ""
    link_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job that waits for a time. `error_code` and `error_message` are those of its last attempt, if one failed."""

    id: UUID
    type: str
    queue: str
    title: str | None
    priority: int
    wait_reason: str
    due_at: datetime
    attempt_count: int
    max_attempts: int
    error_code: str | None
    error_message: str | None
    created_by: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AssetOrigin:
    """What made a file: a job, in one of its attempts, perhaps in a step."""

    asset_id: UUID
    type: str
    title: str | None
    step: str | None
    attempt: int | None
