"""Verbs of bulk operations: count what an order would touch, enqueue it, act on one page of jobs. No runner lives here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from jobtrail.core import jsonguard
from jobtrail.core.bulk import PAGE, QUEUE, TYPE, Action, BulkPage, Order, Skipped, decode, encode
from jobtrail.core.errors import IdempotencyConflict, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.filter import Filter, both
from jobtrail.core.model import Actor, Job
from jobtrail.core.status import FINAL, STARTABLE, ActorType, JobStatus
from jobtrail.service import jobs, lists
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

NewIds = Callable[[int], Sequence[UUID]]

CAP: Final = 10_001
"""Matches are counted up to here and shown as `10k+` beyond."""
_OTHERS: Final = Filter(exclude_types=(TYPE,))
_OPEN: Final = frozenset(JobStatus) - FINAL
_TAKES: Final = {
    Action.CANCEL: _OPEN,
    Action.RETRY: frozenset({JobStatus.FAILED, JobStatus.CANCELLED}),
    Action.RERUN: frozenset(JobStatus),
    Action.PRIORITIZE: _OPEN,
    Action.REDRIVE: frozenset({JobStatus.FAILED}),
    Action.START_NOW: frozenset({JobStatus.PENDING}),
}
"""The statuses of the jobs that an action changes."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What an order would touch now: how many jobs its filter lets through, and how many of them the action changes.
    `capped`: there are more, or may be."""

    matching: int
    changing: int
    capped: bool


@flow
def count(workspace: UUID, order: Order, cap: int = CAP) -> Steps[Counted]:
    """Counts, up to `cap`, what an order would touch, and changes nothing."""
    wanted = both(order.filter, _OTHERS)
    page = yield from lists.page(workspace, wanted, limit=cap, inputs=False).begin()
    changing = sum(_takes(order.action, job) for job in page.jobs)
    return Counted(len(page.jobs), changing, capped=page.next_before is not None)


@flow
def enqueue(workspace: UUID, operation: UUID, order: Order, actor: Actor, title: str | None = None) -> Steps[UUID]:
    """Accepts an operation: a job that takes all jobs made before it that the filter lets through, for this actor."""
    options = Options(type=TYPE, queue=QUEUE, priority=10, max_attempts=10)
    wanted = NewJob(operation, encode(order), options, title=title or f"{order.action} all that match")
    done = yield from jobs.enqueue(workspace, [wanted], actor).begin()
    return done.ids[0]


@dataclass(frozen=True, slots=True)
class Ordered:
    """The operation, a job, and what it would touch at the moment; `job_id` None: it was only counted."""

    job_id: UUID | None
    counted: Counted


@flow
def ordered(workspace: UUID, operation: UUID, order: Order, actor: Actor) -> Steps[Ordered]:
    """Counts what an order would touch, and accepts it."""
    counted = yield from count(workspace, order).begin()
    return Ordered((yield from enqueue(workspace, operation, order, actor).begin()), counted)


@atomic
def page(fence: Fence, new_ids: NewIds, *, before: UUID | None = None, limit: int = PAGE) -> Steps[BulkPage]:
    """Acts on the next jobs of an operation that an attempt works on, the newest first, in one transaction.

    Only jobs older than the operation are taken, and done in the name of whoever ordered it. Jobs that the action cannot
    change are skipped and told with the reason. A page may be repeated: what was done stays done, and no job is rerun
    twice for one operation. Raises StaleAttempt, Invalid.
    """
    workspace, operation = fence.workspace_id, fence.job_id
    held = yield from ask(Query("verbs/hold_operation", fence.named, query.one))
    if held is None:
        raise StaleAttempt(f"attempt {fence.attempt_id} of operation {operation} may not go on: it is to stop")
    order, actor = decode(held[0]), _actor(held[1])
    rerun = order.action is Action.RERUN
    wanted = both(order.filter, _OTHERS)
    found = yield from lists.page(workspace, wanted, before=before or operation, limit=limit, inputs=rerun).begin()
    if not found.jobs:
        return BulkPage(0, next_before=found.next_before)
    if rerun:
        done, skipped, queues = yield from _rerun(workspace, operation, found.jobs, actor, new_ids)
    else:
        rows = yield from ask(_change(workspace, operation, order, actor, [job.id for job in found.jobs]))
        done = sum(row[2] for row in rows)
        skipped = [Skipped(row[0], _why(order.action, JobStatus(row[1]))) for row in rows if not row[2]]
        there = {row[0] for row in rows}
        skipped += [Skipped(job.id, "it is gone") for job in found.jobs if job.id not in there]
        queues = {row[3] for row in rows if row[2]}
    told = tuple(sorted(skipped, key=lambda one: one.job_id, reverse=True))
    return BulkPage(done, told, frozenset(queues), found.next_before)


def _takes(action: Action, job: Job) -> bool:
    """Whether the action changes a job that stands like this."""
    if action is Action.START_NOW:
        return job.status == JobStatus.PENDING and job.wait_reason in STARTABLE
    return job.status in _TAKES[action]


def _actor(created_by: str) -> Actor:
    """Who ordered an operation: whoever made its job, which no input can say otherwise."""
    type, _, id = created_by.partition(":")
    return Actor(ActorType(type), id)


def _change(
    workspace: UUID, operation: UUID, order: Order, actor: Actor, ids: Sequence[UUID]
) -> Query[list[query.Row]]:
    whom = (workspace, list(ids), actor.type, actor.id)
    if order.action is Action.CANCEL:
        return Query("verbs/cancel_many", (*whom, order.reason, operation), query.rows)
    if order.action in (Action.RETRY, Action.REDRIVE):
        return Query("verbs/retry_many", (*whom, operation, order.action is Action.REDRIVE), query.rows)
    if order.action is Action.START_NOW:
        return Query("verbs/start_many", (*whom, operation), query.rows)
    return Query("verbs/prioritize_many", (*whom, operation, order.priority), query.rows)


def _why(action: Action, status: JobStatus) -> str:
    if action is Action.CANCEL and status is JobStatus.RUNNING:
        return "it is being cancelled already"
    if action in (Action.RETRY, Action.REDRIVE) and status in _TAKES[action]:
        return "a live job has its unique key"
    if action is Action.PRIORITIZE and status in _TAKES[action]:
        return "it has this priority already"
    if action is Action.START_NOW and status in _TAKES[action]:
        return "it waits for no time"
    return f"it is {status}"


def _rerun(
    workspace: UUID, operation: UUID, found: Sequence[Job], actor: Actor, new_ids: NewIds
) -> Steps[tuple[int, list[Skipped], set[str]]]:
    wanted = [
        (jobs.again(job, id, jsonguard.encode(job.input)), f"bulk {operation} {job.id}")
        for job, id in zip(found, new_ids(len(found)), strict=True)
    ]
    answers = yield from jobs.enqueue_many_once(workspace, wanted, actor).begin()
    skipped = [
        Skipped(job.id, "it was rerun, and has changed since")
        for job, answer in zip(found, answers, strict=True)
        if isinstance(answer, IdempotencyConflict)
    ]
    return len(found) - len(skipped), skipped, {job.queue for job in found}
