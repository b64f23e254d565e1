"""What keeps a job from running, as one read finds it; `why` makes a sentence of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What keeps a job from running."""

    status: str
    wait_reason: str | None
    queue: str
    type: str
    scheduled_at: datetime | None
    queued_at: datetime | None
    cancel_requested_at: datetime | None
    error_code: str | None
    error_message: str | None
    failure_count: int
    max_attempts: int
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    workers_of_queue: int
    workers_of_type: int
    ahead: int
    question: str | None
    said: str | None
    worker: str | None
    now: datetime
