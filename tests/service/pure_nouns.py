"""The nouns of the pure model: a job as its row shows it, its attempts, steps and gates, and the workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

WAITING_BEFORE_WORK = ("PENDING", "VALIDATING", "QUEUED")
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


class Refused(Exception):  # noqa: N818  (an answer, by the name of the error)
    """The verb says no, with the name of the error that a caller sees."""


@dataclass
class Try:
    """An attempt."""

    id: UUID
    worker: UUID
    number: int
    status: str = "RUNNING"


@dataclass
class Part:
    """A step."""

    id: UUID
    key: str
    type: str
    ordinal: int
    status: str
    attempt: UUID
    output: str | None = None
    tokens: int = 0


@dataclass
class Question:
    """A gate."""

    id: UUID
    step: UUID
    needed: int
    approvers: tuple[str, ...]
    expires_at: datetime | None
    status: str = "WAITING"
    decisions: dict[str, bool] = field(default_factory=dict)


@dataclass
class Check:
    """Somebody looks at the input."""

    token: UUID
    worker: UUID


@dataclass
class Work:
    """A job: what its row shows, and the events that led there."""

    id: UUID
    queue: str
    type: str
    unique_key: str | None
    max_attempts: int
    queue_timeout: float | None
    created_at: datetime
    priority: int = 5
    status: str = "QUEUED"
    wait_reason: str | None = None
    scheduled_at: datetime | None = None
    cancel_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    cancel_reason: str | None = None
    error_code: str | None = None
    title: str | None = None
    stage: str | None = None
    progress: float = 0
    generation: int = 1
    failure_count: int = 0
    loss_count: int = 0
    checked: bool = False
    check: Check | None = None
    check_tries: int = 0
    check_due: datetime | None = None
    queued_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = None
    tries: list[Try] = field(default_factory=list)
    parts: dict[str, Part] = field(default_factory=dict)
    questions: dict[UUID, Question] = field(default_factory=dict)
    results: dict[int, str] = field(default_factory=dict)
    booked: set[tuple[UUID, int]] = field(default_factory=set)
    events: list[tuple[str, str]] = field(default_factory=list)

    @property
    def version(self) -> int:
        """Every accepted change adds one."""
        return len(self.events)

    @property
    def open(self) -> Try | None:
        """The attempt that holds the job."""
        return self.tries[-1] if self.tries and self.tries[-1].status == "RUNNING" else None

    @property
    def waits_for_check(self) -> bool:
        """Its input is to be looked at, and nobody does."""
        return self.status == "PENDING" and self.wait_reason == "VALIDATION"

    @property
    def holds(self) -> str | None:
        """Its unique key, until it ends."""
        return None if self.status in ENDED else self.unique_key


@dataclass
class Holder:
    """A worker."""

    id: UUID
    lease: timedelta
    lease_until: datetime
    stopped: bool = False
