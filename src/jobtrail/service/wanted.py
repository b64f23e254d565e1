"""What is wanted of a new job: its options, its input, and the one statement that accepts jobs of the same options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from jobtrail.core.budget_terms import Budget
from jobtrail.core.model import Actor
from jobtrail.store import arrays, query
from jobtrail.store.identity import new_id
from jobtrail.store.query import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a job is to run. Milliseconds and seconds as named; `scheduled_at` None: at once."""

    type: str
    queue: str = "default"
    priority: int = 5
    scheduled_at: datetime | None = None
    tags: tuple[str, ...] = ()
    max_attempts: int = 3
    backoff_type: str = "EXPONENTIAL"
    backoff_delay_ms: int = 2_000
    backoff_max_ms: int = 3_600_000
    timeout_seconds: float | None = None
    idle_timeout_seconds: float | None = None
    queue_timeout_seconds: float | None = None
    cancel_at: datetime | None = None
    concurrency_key: str | None = None
    project_id: UUID | None = None
    task_id: UUID | None = None
    parent_id: UUID | None = None
    rerun_of: UUID | None = None
    estimated_seconds: float | None = None
    slots: int = 1
    concurrency_limit: int = 1
    unique_scope: str = "LIVE"
    unique_window_seconds: float | None = None
    unique_by: tuple[str, ...] | None = None
    """The fields of the input from which the unique key follows where none is given; (): all of it."""
    on_conflict: str = "EXISTING"
    debounce_seconds: float | None = None
    debounce_max_seconds: float | None = None
    expires_seconds: float | None = None  # cancelled so long after it was accepted, unless cancel_at says when
    schedule_id: UUID | None = None
    fork_of: UUID | None = None
    on_parent: str = "CANCEL"
    depends_mode: str = "ALL"
    on_dependency: str = "FAIL"
    budgeted: bool = False
    reserve_usd: Decimal | None = None
    reserve_tokens: int | None = None
    budget: Budget | None = None
    depends: bool = False
    checked: bool = field(default=False, repr=False)  # a runner looks at its input first; no part of `_digest`


class NewJob(NamedTuple):
    """One job to enqueue. `input` is JSON that passed the door; the id makes a repeated enqueue harmless."""

    id: UUID
    input: bytes
    options: Options
    title: str | None = None
    unique_key: str | None = None
    traceparent: str | None = None
    after: tuple[UUID, ...] = ()
    """The jobs that it waits for, those of the same batch among them; `depends_mode` and `on_dependency` say how."""


def alike(workspace: UUID, jobs: Sequence[NewJob], actor: Actor) -> Query[int]:
    """The one statement of jobs that share their options; answers how many are new."""
    o = jobs[0].options
    params = (
        workspace,
        arrays.uuids([job.id for job in jobs]),
        arrays.texts([job.input.decode() for job in jobs]),
        arrays.texts([job.title for job in jobs]),
        arrays.texts([job.unique_key for job in jobs]),
        o.type,
        o.queue,
        o.priority,
        o.scheduled_at,
        list(o.tags),
        o.max_attempts,
        o.backoff_type,
        o.backoff_delay_ms,
        o.backoff_max_ms,
        o.timeout_seconds,
        o.idle_timeout_seconds,
        o.queue_timeout_seconds,
        o.cancel_at,
        o.concurrency_key,
        o.project_id,
        o.task_id,
        o.parent_id,
        o.rerun_of,
        o.estimated_seconds,
        actor.type,
        actor.id,
        arrays.texts([job.traceparent for job in jobs]),
        o.checked,
        *_terms(o),
    )
    return Query("verbs/enqueue", params, query.count)


def budgeted(workspace: UUID, jobs: Sequence[NewJob]) -> Query[None] | None:
    """Gives jobs that were accepted in this transaction a budget each, where their options say so, or the job that they
    are made after had one; those that others stand for get none."""
    budget, after = jobs[0].options.budget, jobs[0].options.rerun_of or jobs[0].options.fork_of
    ids = [job.id for job in jobs]
    if budget is None:
        copies = jobs[0].options.budgeted and after is not None
        return Query("verbs/copy_budgets", (workspace, ids, after), query.nothing) if copies else None
    limits = budget.limits
    params = (
        workspace,
        ids,
        [new_id() for _ in jobs],
        budget.per,
        limits.usd,
        limits.tokens,
        limits.seconds,
        budget.warn_at,
        budget.on_exceeded,
    )
    return Query("verbs/budget_jobs", params, query.nothing)


def _terms(o: Options) -> tuple[object, ...]:
    """What limits, keys, trees and budgets make of it."""
    return (
        o.slots,
        o.concurrency_limit,
        o.unique_scope,
        o.unique_window_seconds,
        o.schedule_id,
        o.fork_of,
        o.on_parent,
        o.depends_mode,
        o.on_dependency,
        o.budgeted or o.budget is not None,
        o.reserve_usd,
        o.reserve_tokens,
        o.depends,
        o.expires_seconds,
    )
