"""Figures that screens and dashboards show: errors in groups, queues, money, the whole of a workspace. Rows only, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from jobtrail.core.model import QueueMinute, StatusCount
from jobtrail.core.spent import Spent


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Jobs that failed alike: the same code, and messages that differ in numbers, ids and quoted texts only.

    `jobs`, `types`, `trend` (24 parts of the time asked for) and `job_ids` (the newest 5) count what failed in that time;
    `first_at` looks further back, as far as failures were looked at. `message` is that of the last one.
    `infrastructure`: workers were lost, the code did not fail.

    `state` is OPEN, MUTED (people know of it), RESOLVED (they say that it is mended), or BACK: seen again after that. Who said
    so, when, and with which note stands beside it. Neither what is muted nor what is resolved is new.
    """

    fingerprint: str
    error_code: str | None
    message: str | None
    types: dict[str, int]
    jobs: int
    first_at: datetime
    last_at: datetime
    trend: list[int]
    job_ids: list[UUID]
    is_new: bool
    infrastructure: bool
    state: str = "OPEN"
    note: str | None = None
    marked_by: str | None = None
    marked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErrorGroups:
    """Errors in groups, the last seen first. `looked_at` failed jobs were looked at, all that there are or, where
    `made_since` is set, the newest of them: no job that was made before it. `groups` counts those not listed too.

    `since` and `until` are the time asked for; new is a group whose first failure lies after `new_since`.
    """

    items: list[ErrorGroup]
    groups: int
    looked_at: int
    made_since: datetime | None
    since: datetime
    until: datetime
    new_since: datetime


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How a queue stands. `depth` is counted up to a cap; `ins`, `outs` and `failed` are of each minute, the newest last.

    `slots` and `busy` are those of the live workers that serve it, which may serve other queues too. The waits are those
    of the newest minute in which a job started.
    """

    queue: str
    depth: int
    oldest_queued_at: datetime | None
    running: int
    workers: int
    slots: int
    busy: int
    ins: list[int]
    outs: list[int]
    failed: list[int]
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None

    @property
    def failure_rate(self) -> float | None:
        """Which part of what ended in these minutes failed, from 0 to 1; None when nothing ended."""
        ended = sum(self.outs) + sum(self.failed)
        return sum(self.failed) / ended if ended else None


@dataclass(frozen=True, slots=True)
class RecentEnds:
    """What ended lately; where `capped`, there may be more, of jobs that were made lately. Attempts end without their job,
    too."""

    failed: int
    cancelled: int
    lost_attempts: int
    timed_out_attempts: int
    failed_attempts: int
    capped: bool


@dataclass(frozen=True, slots=True)
class LostWorker:
    """A worker that vanished, or whose lease ran out (`why` None). `jobs` were running there; `again` of them got another
    attempt. `job_id` is one of them."""

    worker_id: UUID
    name: str
    at: datetime
    why: str | None
    jobs: int
    again: int
    job_id: UUID | None


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that runs, with its attempt. `cost_usd` sums the known costs of all its attempts."""

    id: UUID
    type: str
    queue: str
    title: str | None
    stage: str | None
    progress: float
    attempt: int
    attempt_id: UUID
    started_at: datetime
    cancel_requested_at: datetime | None
    worker_id: UUID
    worker: str | None
    cost_usd: Decimal | None
    calls: int
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class Waste:
    """Known costs of calls that were for nothing, and of those that a later attempt did not have to pay again. None:
    nothing is known; with `…_unpriced` calls of unknown price it is too little.

    Wasted are calls in attempts that failed, timed out, were lost or interrupted; saved are those of steps that completed
    before a later attempt came, whatever their own attempt came to. No call is both.
    """

    wasted_usd: Decimal | None
    wasted_unpriced: int
    saved_usd: Decimal | None
    saved_unpriced: int


@dataclass(frozen=True, slots=True)
class UsageOfDay:
    """What was used of a model on a day (in UTC); `model` None: of all models that are not listed."""

    day: str
    model: str | None
    calls: int
    cost_usd: Decimal | None
    unpriced_calls: int


@dataclass(frozen=True, slots=True)
class DearJob:
    """A job that used money. A cost is of one time asked for, not of the job's whole life."""

    id: UUID
    type: str
    queue: str
    status: str
    title: str | None
    calls: int
    cost_usd: Decimal | None
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CostOfType:
    """What the jobs of a type used, and what one of them costs: at half of them, and at 95 of 100, of those whose cost is
    known."""

    key: str
    jobs: int
    calls: int
    cost_usd: Decimal | None
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    p50_usd: Decimal | None
    p95_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that somebody should look at, in a sentence. `about` says what `ref` names: the queue, the fingerprint of
    the error, the worker, the gate, the type, the budget, the schedule; `job_id` is the job to open first, where there is one."""

    about: str
    ref: str
    says: str
    since: datetime | None
    jobs: int = 0
    job_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """How a workspace stands. Of the last hour `completed` counts whole minutes; `ends` says what else ended in it.

    `minutes` are all queues together, the waits those of the slowest one. Days are those of UTC.
    """

    at: datetime
    counts: list[StatusCount]
    completed: int
    ends: RecentEnds
    minutes: list[QueueMinute]
    queues: list[QueueFigures]
    oldest_queued_at: datetime | None
    gates_waiting: int
    today: Spent
    yesterday: Spent
    waste: Waste
    attention: list[Attention]
    running: list[RunningJob]


@dataclass(frozen=True, slots=True)
class TableSize:
    """How large a table is with its indexes and partitions, and about how many rows it has."""

    table_name: str
    size_bytes: int
    about_rows: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Sessions:
    """The connections of programs that give themselves one name. What they do is seen of the same role only."""

    name: str
    sessions: int
    active: int
    idle_in_transaction: int


@dataclass(frozen=True, slots=True)
class UpkeepState:
    """Who keeps house (its lease ran out `keeper_late_seconds` ago, if above 0), the version of the tables, the last seal."""

    schema_number: int
    schema_name: str
    schema_at: datetime
    keeper_id: UUID | None
    keeper: str
    keeper_until: datetime | None
    keeper_late_seconds: float | None
    sealed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Glance:
    """How a workspace stands; counts are capped by who asked. `paused_…`: the workspace as a whole is paused."""

    gates_waiting: int
    workers: int
    queues_paused: int
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
