"""Verbs on jobs as people and programs use them: enqueue, get, list, cancel, retry, rerun, start now, change, why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from jobtrail.core import filter as filters
from jobtrail.core import graph
from jobtrail.core.errors import ConcurrentUpdate, Conflict, IllegalMove, NotFound
from jobtrail.core.facts import Facts
from jobtrail.core.model import Actor, Job, Result, StatusCount
from jobtrail.core.status import JobStatus
from jobtrail.service import accepting, lists
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

_DIGITS: Final = re.compile(r"[0-9a-fA-F]{1,32}")
CAP: Final = 10_001
"""Jobs are counted up to here and shown as `10k+` beyond."""

Accepted = accepting.Accepted
Enqueued = accepting.Enqueued
NewJob = accepting.NewJob
Options = accepting.Options
alike = accepting.alike
enqueue = accepting.enqueue
enqueue_many_once = accepting.enqueue_many_once
enqueue_once = accepting.enqueue_once
one_by_one = accepting.one_by_one


def again(job: Job, id: UUID, input: bytes) -> NewJob:
    """A new job like `job`: same type, queue, limits and tags; its own id and input (JSON that passed the door)."""
    options = Options(
        type=job.type,
        queue=job.queue,
        priority=job.priority,
        tags=tuple(job.tags),
        max_attempts=job.max_attempts,
        backoff_type=job.backoff_type,
        backoff_delay_ms=job.backoff_delay_ms,
        backoff_max_ms=job.backoff_max_ms,
        timeout_seconds=job.timeout_seconds,
        idle_timeout_seconds=job.idle_timeout_seconds,
        queue_timeout_seconds=job.queue_timeout_seconds,
        concurrency_key=job.concurrency_key,
        project_id=job.project_id,
        task_id=job.task_id,
        rerun_of=job.id,
        estimated_seconds=job.actual_seconds,
        slots=job.slots,
        concurrency_limit=job.concurrency_limit,
        on_parent=job.on_parent,
        depends_mode=job.depends_mode,
        on_dependency=job.on_dependency,
        budgeted=job.budgeted,
        reserve_usd=job.reserve_usd,
        reserve_tokens=job.reserve_tokens,
    )
    return NewJob(id=id, input=input, options=options, title=job.title, after=graph.needed_by(input))


def get(workspace: UUID, job_id: UUID) -> Query[Job | None]:
    """One job, or None."""
    return Query("reads/job", (workspace, job_id), query.one_of(Job))


def result(workspace: UUID, job_id: UUID) -> Query[Result | None]:
    """What the newest generation of a job made, or None."""
    return Query("reads/result", (workspace, job_id), query.one_of(Result))


Filter = filters.Filter
Page = lists.Page
listed = lists.listed
page = lists.page


def counts(workspace: UUID, cap: int = CAP) -> Query[list[StatusCount]]:
    """How many jobs stand at each status, counted up to `cap`."""
    return Query("reads/job_counts", (workspace, cap), query.many_of(StatusCount))


def find(workspace: UUID, digits: str) -> Query[list[UUID]]:
    """At most 3 ids that start with some hex digits or, among the newest 100 000 jobs, end with them."""
    if not _DIGITS.fullmatch(digits):
        digits = "f" * 32  # nobody's
    lowest, highest = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    params = (workspace, lowest, highest, f"%{digits.lower()}", filters.SEARCHED)
    return Query("reads/find_jobs", params, lambda rows: [row[0] for row in rows])


@flow
def cancel(workspace: UUID, job_id: UUID, actor: Actor, reason: str | None = None) -> Steps[JobStatus]:
    """Cancels what waits at once; asks the worker of what runs. Answers the status after it: CANCELLED or RUNNING.

    Raises NotFound, or Conflict when the job has ended.
    """
    changed = yield from ask(Query("verbs/cancel", (workspace, job_id, actor.type, actor.id, reason), query.one))
    if changed is not None:
        return JobStatus(changed[0])
    job = yield from ask(get(workspace, job_id))
    if job is None:
        raise _missing(job_id)
    if job.status == JobStatus.RUNNING:
        return JobStatus.RUNNING
    raise Conflict(f"job {job_id} has ended already: it is {job.status}")


@flow
def retry(workspace: UUID, job_id: UUID, actor: Actor) -> Steps[int]:
    """Puts a FAILED or CANCELLED job into its queue again, finished steps kept. Answers the new version."""
    changed = yield from ask(Query("verbs/retry", (workspace, job_id, actor.type, actor.id), query.one))
    if changed is None:
        job = yield from ask(get(workspace, job_id))
        if job is None:
            raise _missing(job_id)
        raise IllegalMove(
            f"job {job_id} is {job.status}; only FAILED and CANCELLED jobs are retried. "
            "To run it once more as a new job: rerun."
        )
    return int(changed[1])


@flow
def start_now(workspace: UUID, job_id: UUID, actor: Actor) -> Steps[int]:
    """Lets a job that waits for its time (SCHEDULE, RETRY), a quota or a budget start now. Answers the new version."""
    changed = yield from ask(Query("verbs/start_now", (workspace, job_id, actor.type, actor.id), query.one))
    if changed is None:
        job = yield from ask(get(workspace, job_id))
        if job is None:
            raise _missing(job_id)
        raise IllegalMove(f"job {job_id} does not wait for a time: it is {job.status} {job.wait_reason or ''}".strip())
    return int(changed[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """New values of a job; None leaves a field as it is."""

    priority: int | None = None
    title: str | None = None
    tags: tuple[str, ...] | None = None
    cancel_at: datetime | None = None
    scheduled_at: datetime | None = None


@flow
def update(workspace: UUID, job_id: UUID, change: Change, actor: Actor, *, version: int | None = None) -> Steps[int]:
    """Changes a job; with `version`, only while it is still as it was read. Answers the new version.

    Raises NotFound, or ConcurrentUpdate when the job has moved on.
    """
    params = (
        workspace,
        job_id,
        version,
        actor.type,
        actor.id,
        change.priority,
        change.title,
        _array(change.tags),
        change.cancel_at,
        change.scheduled_at,
    )
    changed = yield from ask(Query("verbs/update_job", params, query.one))
    if changed is None:
        job = yield from ask(get(workspace, job_id))
        if job is None:
            raise _missing(job_id)
        raise ConcurrentUpdate(f"job {job_id} is at version {job.version}, not {version}; read it and try again")
    return int(changed[1])


def span(workspace: UUID, ids: Sequence[UUID]) -> Query[float | None]:
    """Seconds from the first start to the last end of jobs that completed; None when none did."""
    return Query("reads/span", (workspace, list(ids)), query.scalar)


def facts(workspace: UUID, job_id: UUID) -> Query[Facts | None]:
    """What keeps a job from running; `core.why` makes the sentence."""
    return Query("reads/why", (workspace, job_id), query.one_of(Facts))


def _array(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else [str(value) for value in values]


def _missing(job_id: UUID) -> NotFound:
    return NotFound(f"there is no job {job_id} in this workspace")
