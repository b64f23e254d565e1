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
    attempt: UUID | None
    output: str | None = None
    tokens: int = 0
    until: datetime | None = None
    waited_in: int | None = None


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
    slots: int = 1
    key: str | None = None
    key_limit: int = 1
    fork_of: UUID | None = None
    scope: str = "LIVE"
    unique_until: datetime | None = None
    holds: str | None = None
    needs: dict[UUID, str | None] = field(default_factory=dict)
    any_need: bool = False
    on_dependency: str = "FAIL"
    parent: UUID | None = None
    goes_with_parent: bool = True
    signals: set[str] = field(default_factory=set)
    awaits: str | None = None
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
    def rank(self) -> tuple[int, UUID]:
        """Where it stands in its queue: by when it came, was due or was retried; a level of priority is worth an hour."""
        since = self.created_at if self.scheduled_at is None else max(self.created_at, self.scheduled_at)
        since = self.queued_at if self.generation > 1 and self.queued_at else since
        return round(since.timestamp() * 1000) - self.priority * 3_600_000, self.id

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

    def keeps_key(self, now: datetime) -> bool:
        """Whether it may have its unique key at this status, at this time."""
        if self.unique_until is not None and now >= self.unique_until:
            return False
        over = {"WAITING": ("RUNNING", *ENDED), "LIVE": ENDED, "COMPLETED": ("FAILED", "CANCELLED"), "ANY": ()}
        return self.status not in over[self.scope]


@dataclass
class Holder:
    """A worker."""

    id: UUID
    lease: timedelta
    lease_until: datetime
    stopped: bool = False
