"""What keeps a job from running, as one read finds it; `why` makes a sentence of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Facts:
    """What keeps a job from running.

    `workers_away` of the workers that know its type were told to take nothing, or nothing of its queue. `limits` holds those
    that hold it back just now, as objects; `pace` is how many jobs of its queue ended a minute, in the last ten.
    """

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
    id: UUID | None = None
    space_paused_at: datetime | None = None
    space_paused_by: str | None = None
    space_paused_reason: str | None = None
    workers_away: int = 0
    away_name: str | None = None
    away_drains: bool | None = None
    slots: int = 1
    most_slots: int | None = None
    concurrency_key: str | None = None
    key_limit: int | None = None
    key_running: int | None = None
    limits: Any = None
    needs_open: int | None = None
    need_id: UUID | None = None
    need_type: str | None = None
    need_status: str | None = None
    depends_mode: str = "ALL"
    signal: str | None = None
    until_at: datetime | None = None
    gate_needed: int | None = None
    gate_approved: int | None = None
    budget: Any = None
    pace: float | None = None
