"""Schedules and their ticks as rows, and what a caller may say of a schedule. The fields stand in the order of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec

from jobtrail.core.budget_terms import MOST_TOKENS, Budget
from jobtrail.core.schedule import CatchUp, Overlap
from jobtrail.core.status import UniqueScope

SCHEDULER: Final = "system:scheduler"
"""Who paused a schedule that could make no job."""
EMPTIED: Final = frozenset({"title", "starts_at", "ends_at"})
"""What a schedule may do without."""
SHOWN: Final = 30
"""Of so many ticks a schedule shows how they went."""


_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=2_592_000)]
_Year = Annotated[float, msgspec.Meta(gt=0, le=31_536_000)]
_Slots = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class JobBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a job of a schedule, and all that descends from it, may use."""

    usd: Annotated[Decimal, msgspec.Meta(description="Dollars, as text or number.")] | None = None
    tokens: Annotated[int, msgspec.Meta(ge=1, le=MOST_TOKENS)] | None = None
    wall_seconds: Annotated[float, msgspec.Meta(gt=0, le=3_000_000_000)] | None = None
    per: Literal["tree", "attempt"] = "tree"
    warn_at: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.8
    on_exceeded: Literal["gate", "stop"] = "gate"

    def budget(self) -> Budget:
        """The budget itself. Raises Invalid."""
        return Budget(
            self.usd,
            tokens=self.tokens,
            wall=self.wall_seconds,
            per=self.per,
            warn_at=self.warn_at,
            on_exceeded=self.on_exceeded,
        )


class JobOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """How the jobs of a schedule are to run, in the words of enqueuing; null: as their type has it, or a default."""

    queue: _Name | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    tags: Annotated[list[_Name], msgspec.Meta(max_length=100)] | None = None
    max_attempts: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None
    backoff_type: Literal["FIXED", "LINEAR", "EXPONENTIAL"] | None = None
    backoff_delay_ms: Annotated[int, msgspec.Meta(ge=0, le=86_400_000)] | None = None
    backoff_max_ms: Annotated[int, msgspec.Meta(ge=0, le=604_800_000)] | None = None
    timeout_seconds: _Seconds | None = None
    idle_timeout_seconds: _Seconds | None = None
    queue_timeout_seconds: _Seconds | None = None
    estimated_seconds: Annotated[float, msgspec.Meta(ge=0, le=2_592_000)] | None = None
    concurrency_key: _Name | None = None
    concurrency_limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    slots: _Slots | None = None
    unique_key: _Name | None = None
    unique_scope: UniqueScope | None = None
    unique_window_seconds: _Year | None = None
    unique_by: Annotated[list[_Name], msgspec.Meta(max_length=50)] | None = None
    on_conflict: Literal["EXISTING", "REFUSE", "REPLACE", "SUPERSEDE", "DEBOUNCE", "RESCHEDULE"] | None = None
    debounce_seconds: _Year | None = None
    debounce_max_seconds: _Year | None = None
    expires_seconds: _Year | None = None
    reserve_usd: Decimal | None = None
    reserve_tokens: Annotated[int, msgspec.Meta(ge=0, le=MOST_TOKENS)] | None = None
    budget: JobBudget | None = None
    project_id: UUID | None = None
    task_id: UUID | None = None


class TickOutcome(StrEnum):
    """What came of a tick: a job, or none because one had not ended, because it was missed, because it was refused."""

    JOB = "JOB"
    OVERLAP = "OVERLAP"
    MISSED = "MISSED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What makes jobs at times. Paused by SCHEDULER: it could make no job, and `paused_reason` says why."""

    id: UUID
    name: str
    type: str
    expression: str
    zone: str
    input: Any
    title: str | None
    options: Any
    overlap: Overlap
    catch_up: CatchUp
    catch_up_most: int
    jitter_seconds: float
    starts_at: datetime | None
    ends_at: datetime | None
    anchor_at: datetime
    next_at: datetime | None
    due_at: datetime | None
    last_tick_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    declared_by: str | None
    undeclared_at: datetime | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick, or a stretch of `ticks` (None: uncounted) from `at` to `last_at` that made no job. `status` is that of its
    job, None where it made none or retention has removed it."""

    at: datetime
    last_at: datetime
    ticks: int | None
    outcome: TickOutcome
    job_id: UUID | None
    reason: str | None
    manual: bool
    made_by: str
    made_at: datetime
    status: str | None


@dataclass(frozen=True, slots=True)
class Glimpse:
    """How a tick of one of several schedules went: the status of its job, or its outcome where it made none."""

    schedule_id: UUID
    at: datetime
    job_id: UUID | None
    went: str


@dataclass(frozen=True, slots=True)
class ScheduleView(Schedule):
    """A schedule in words, with how its newest ticks went, oldest first."""

    words: str
    ticks: list[Glimpse]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A schedule that somebody should look at: it was paused because it could make no job, or its newest jobs failed."""

    id: UUID
    name: str
    paused_reason: str | None
    since: datetime | None
    failed: int
    job_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """A schedule to make. `input` is JSON that passed the door; in its texts, and in the title, {tick} stands for the time of
    the tick."""

    id: UUID
    name: str
    type: str
    expression: str
    zone: str = "UTC"
    input: bytes = b"{}"
    title: str | None = None
    options: JobOptions = JobOptions()
    overlap: Overlap = Overlap.SKIP
    catch_up: CatchUp = CatchUp.LAST
    catch_up_most: int = 100
    jitter_seconds: float = 0.0
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChange:
    """New values of a schedule; None leaves one as it is, `empty` names those of EMPTIED to take away. `options` stand for
    all that were said before."""

    name: str | None = None
    type: str | None = None
    expression: str | None = None
    zone: str | None = None
    input: bytes | None = None
    title: str | None = None
    options: JobOptions | None = None
    overlap: Overlap | None = None
    catch_up: CatchUp | None = None
    catch_up_most: int | None = None
    jitter_seconds: float | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    empty: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """What a list of schedules shows; None: everything. `text` is a part of name or type."""

    text: str | None = None
    paused: bool | None = None
