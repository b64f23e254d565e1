"""Verbs of upkeep: elect who does it, move what is due, make and drop days, remove what is past its retention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobtrail.store import query
from jobtrail.store.query import Query


def elect(duty: str, worker_id: UUID, lease_seconds: float) -> Query[datetime | None]:
    """Takes or renews a duty's lease; None while another worker has it."""
    return Query("verbs/elect", (duty, worker_id, lease_seconds), query.scalar)


def resign(worker_id: UUID) -> Query[None]:
    """Gives all duties of a worker back."""
    return Query("verbs/resign", (worker_id,), query.nothing)


@dataclass(frozen=True, slots=True)
class Staged:
    """What was moved because it was due: how many jobs, in how many seconds (by the database's clock) the next timer
    is due, and which queues have new work."""

    moved: int
    next_due_seconds: float | None
    queues: list[str]


def stage(limit: int = 500) -> Query[Staged]:
    """Moves up to `limit` due jobs: starts, cancels, ends of waits in a queue."""
    return Query("verbs/stage", (limit,), lambda rows: Staged(*rows[0]))


def make_partitions(ahead_days: int = 7) -> Query[int]:
    """Makes the days to come; answers how many tables are new."""
    return Query("verbs/make_partitions", (ahead_days,), query.count)


def drop_partitions(table: str, before: datetime) -> Query[list[str]]:
    """Drops days of `events`, `log_chunks` or `metrics` that ended before a time; at least a week stays."""
    return Query("verbs/drop_partitions", (table, before), query.scalar)


def remove_jobs(before: datetime, limit: int = 1_000) -> Query[int]:
    """Removes up to `limit` jobs that ended before a time, a tombstone each; answers how many."""
    return Query("verbs/remove_jobs", (before, limit), query.count)


def forget_keys(before: datetime) -> Query[None]:
    """Forgets idempotency keys older than a time; at least a day must stay."""
    return Query("verbs/forget_keys", (before,), query.nothing)


def forget_workers(before: datetime) -> Query[None]:
    """Forgets workers that stopped before a time."""
    return Query("verbs/forget_workers", (before,), query.nothing)


def measure_queues(minute: datetime) -> Query[None]:
    """Writes one row of queue health for each queue for the minute that ended at `minute`."""
    return Query("verbs/measure_queues", (minute,), query.nothing)
