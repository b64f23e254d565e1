"""Verbs of a worker on its attempts: claim, progress, and the ways to end. Each names the attempt that it speaks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from jobtrail.core.errors import NotFound, StaleAttempt
from jobtrail.core.fairness import Claimant, Granted, Turn
from jobtrail.core.fence import Fence, Used
from jobtrail.core.model import Attempt, Claimed, Remembered
from jobtrail.core.status import AttemptStatus, JobStatus, ResultStatus, WaitReason
from jobtrail.store import arrays, query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

T = TypeVar("T")

CLAIMANTS: Final = 500
"""So many workspaces of a queue are looked at together."""

NOBODY = UUID(int=0)


class Completed(NamedTuple):
    """An attempt that succeeded. `output` is JSON that passed the door, or None."""

    fence: Fence
    output: str | None = None
    status: ResultStatus = ResultStatus.SUCCESS
    summary: str | None = None
    ms: int = 0
    used: Used = Used()


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt that failed or timed out. `retry_in` None: no further try, whatever max_attempts says."""

    fence: Fence
    code: str
    message: str
    stack: str | None = None
    retry_in: timedelta | None = None
    status: AttemptStatus = AttemptStatus.FAILED
    output: str | None = None
    ms: int = 0
    used: Used = Used()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job stands after its attempt ended."""

    status: JobStatus
    scheduled_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Taker:
    """Who claims: a worker, of which queue, which types. `stamp` (12 hex digits of milliseconds and a 7) and `nonce`
    (random) make the ids of the attempts: UUIDv7 that nobody can guess."""

    worker_id: UUID
    queue: str
    types: Sequence[str]
    stamp: str
    nonce: str


def claim(taker: Taker, limit: int, turns: Sequence[Turn]) -> Query[list[Claimed]]:
    """Takes up to `limit` ready jobs of one queue, of each workspace in its turn: only such as no limit holds, without a
    concurrency key and of one slot."""
    params = (
        taker.worker_id,
        taker.queue,
        list(taker.types),
        limit,
        [one.workspace_id for one in turns],
        [one.number for one in turns],
        [one.place[0] for one in turns],
        [one.place[1] for one in turns],
        taker.stamp,
        taker.nonce,
    )
    return Query("verbs/claim", params, query.many_of(Claimed))


def claim_limited(taker: Taker, workspace: UUID, jobs: int, slots: int, most: int) -> Query[Granted]:
    """Takes ready jobs of a workspace's queue, as all limits allow, into `slots` free ones of the worker's `most`."""
    params = (
        taker.worker_id,
        workspace,
        taker.queue,
        list(taker.types),
        jobs,
        slots,
        most,
        taker.stamp,
        taker.nonce,
    )
    return Query("verbs/claim_limited", params, _granted)


def claimants(queue: str, after: UUID = NOBODY, limit: int = CLAIMANTS) -> Query[list[Claimant]]:
    """The workspaces that have ready jobs in a queue, in the order of their ids; needs a scope that sees all."""
    return Query("reads/claimants", (queue, after, limit), query.many_of(Claimant))


def _granted(rows: list[query.Row]) -> Granted:
    return Granted([Claimed(*row[:-2]) for row in rows[:-1]], *rows[-1][-2:])


@flow
def complete(ended: Sequence[Completed]) -> Steps[list[Fence]]:
    """Ends attempts that succeeded; answers those that were stale. An end that was written before is not stale."""
    done = yield from ask(_complete(ended))
    if done == len(ended):
        return []
    closed = yield from ask(_ends([one.fence for one in ended]))
    return [one.fence for one in ended if closed.get(one.fence.attempt_id) != AttemptStatus.COMPLETED]


@flow
def fail(failed: Failed) -> Steps[Ended]:
    """Ends an attempt that failed: the job is tried again or FAILED. Raises StaleAttempt."""
    f, used = failed.fence, failed.used
    retry_ms = None if failed.retry_in is None else round(failed.retry_in.total_seconds() * 1000)
    params = (
        *f.named,
        str(f.worker_id),
        failed.code,
        failed.message,
        failed.stack,
        failed.status,
        used.exit_code,
        retry_ms,
        used.cpu_seconds,
        used.memory_bytes,
        used.disk_bytes,
        failed.output,
        failed.ms,
    )
    ended = yield from ask(Query("verbs/fail", params, _ended))
    return (yield from _or_stale(ended, f, failed.status))


@flow
def end_cancelled(fence: Fence, reason: str, code: str = "cancelled", used: Used = Used()) -> Steps[Ended]:
    """Ends an attempt that stopped as it was told. Raises StaleAttempt."""
    params = (
        *fence.named,
        str(fence.worker_id),
        reason,
        code,
        used.exit_code,
        used.cpu_seconds,
        used.memory_bytes,
        used.disk_bytes,
    )
    ended = yield from ask(Query("verbs/end_cancelled", params, _ended))
    return (yield from _or_stale(ended, fence, AttemptStatus.CANCELLED))


@atomic
def suspend(
    fence: Fence, event: str, reason: WaitReason, delay: timedelta | None, note: str | None = None, used: Used = Used()
) -> Steps[Ended]:
    """Ends an attempt without success or failure: the job waits for `delay`, or for what `reason` names.

    `note` is a JSON object; what its `message` (or `reason`) says stays with the attempt, and `why` repeats it. A job
    that waits for a SIGNAL names it there as `signal`; one that came before lets it go on at once.
    Raises StaleAttempt, also when the job is to be cancelled: then end it so.
    """
    delay_ms = None if delay is None else round(delay.total_seconds() * 1000)
    params = (
        *fence.named,
        str(fence.worker_id),
        event,
        reason,
        delay_ms,
        note,
        used.cpu_seconds,
        used.memory_bytes,
        used.disk_bytes,
        used.exit_code,
    )
    ended = yield from ask(Query("verbs/suspend", params, _ended))
    said = None if reason is not WaitReason.SIGNAL or note is None else json.loads(note)
    awaited = said.get("signal") if isinstance(said, dict) else None
    if ended is not None and isinstance(awaited, str):
        resume = Query("verbs/resume_signalled", (fence.workspace_id, fence.job_id, awaited), _ended)
        ended = (yield from ask(resume)) or ended
    return (yield from _or_stale(ended, fence, AttemptStatus.INTERRUPTED))


def interrupt(fences: Sequence[Fence]) -> Query[int]:
    """Gives attempts back at a shutdown; the jobs are ready again at once. Answers how many were still open."""
    params = (*_arrays(fences), str(fences[0].worker_id))
    return Query("verbs/interrupt", params, query.count)


def progress(
    fence: Fence, percent: float | None, stage: str | None = None, note: str | None = None
) -> Query[int | None]:
    """Records percent done and stage; answers the job's version, None when the attempt is stale."""
    params = (*fence.named, percent, stage, note, str(fence.worker_id))
    return Query("verbs/progress", params, query.scalar)


def identify(fence: Fence, *, process_id: int | None = None, session_id: str | None = None) -> Query[UUID | None]:
    """Writes which process and which session an attempt is; None leaves what is known. Answers None when stale."""
    return Query("verbs/identify", (*fence.named, process_id, session_id), query.scalar)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a job has used so far: seconds in the attempts before this one, tokens and money in all of them.

    `session_id` is that of the newest attempt that had one. `cost_usd` sums the calls whose price is known and is None
    where there is none; `unpriced_calls` counts the others.
    """

    session_id: str | None
    seconds: float
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_usd: Decimal | None
    unpriced_calls: int


def earlier(workspace: UUID, job_id: UUID, attempt_id: UUID) -> Query[Earlier]:
    """What a job has used before and in this attempt."""
    return Query("reads/earlier", (workspace, job_id, attempt_id), lambda rows: Earlier(*rows[0]))


@dataclass(frozen=True, slots=True)
class Held:
    """An attempt and its job while both are held. `open`: the attempt may write; `told_lately`: progress, in the last
    second; `ms`: since the attempt began; `knows_step`: the step that was named is one of the job's."""

    type: str
    queue: str
    generation: int
    open: bool
    ended_as: str
    cancel: bool
    reason: str | None
    progress: float
    stage: str | None
    told_lately: bool
    ms: int
    failure_count: int
    backoff_type: str
    backoff_delay_ms: int
    backoff_max_ms: int
    knows_step: bool


def hold(fence: Fence, step_id: UUID | None = None) -> Query[Held | None]:
    """Takes the job of an attempt for this transaction; None when its worker has no such attempt."""
    return Query("verbs/hold_attempt", (*fence.named, fence.worker_id, step_id), query.one_of(Held))


@atomic
def holding(
    fence: Fence, work: Callable[[Held], Steps[T]], *, step_id: UUID | None = None, ends: bool = False
) -> Steps[T]:
    """Runs statements while an attempt is held, which is checked first: for those who speak for a worker from afar.

    `ends`: an attempt that is over is let through, for the end may be its own, told again.
    Raises NotFound when this worker has no such attempt or the job no such step, StaleAttempt when it is over.
    """
    held = yield from ask(hold(fence, step_id))
    if held is None:
        raise NotFound(f"worker {fence.worker_id} has no attempt {fence.attempt_id} of a job {fence.job_id} here")
    if not held.open and not ends:
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} is no longer open; stop its processes")
    if not held.knows_step:
        raise NotFound(f"there is no step {step_id} of job {fence.job_id}")
    return (yield from work(held))


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker must do about an attempt: stop it as cancelled, or drop it because it is no longer its own."""

    attempt_id: UUID
    cancel: bool
    reason: str | None
    own: bool


def orders(fences: Sequence[Fence]) -> Query[list[Order]]:
    """Orders for running attempts; none for those that simply go on."""
    params = ([f.workspace_id for f in fences], [f.job_id for f in fences], [f.attempt_id for f in fences])
    return Query("reads/orders", params, query.many_of(Order))


def strays(worker_id: UUID, known: Sequence[UUID]) -> Query[list[Fence]]:
    """Open attempts of this worker that it does not know of, because the answer to a claim was lost."""
    return Query(
        "reads/strays",
        (worker_id, list(known)),
        lambda rows: [Fence(row[0], row[1], row[2], worker_id) for row in rows],
    )


def remembered(workspace: UUID, job_id: UUID) -> Query[list[Remembered]]:
    """The steps of earlier attempts, with outputs and decisions."""
    return Query("reads/remembered", (workspace, job_id), query.many_of(Remembered))


def listed(workspace: UUID, job_id: UUID) -> Query[list[Attempt]]:
    """The attempts of a job, oldest first."""
    return Query("reads/attempts", (workspace, job_id), query.many_of(Attempt))


def _complete(ended: Sequence[Completed]) -> Query[int]:
    params = (
        *_arrays([one.fence for one in ended]),
        arrays.texts([one.status for one in ended]),
        arrays.texts([one.output for one in ended]),
        arrays.texts([one.summary for one in ended]),
        arrays.numbers([one.ms for one in ended]),
        arrays.numbers([one.used.cpu_seconds for one in ended]),
        arrays.numbers([one.used.memory_bytes for one in ended]),
        arrays.numbers([one.used.disk_bytes for one in ended]),
        arrays.numbers([one.used.exit_code for one in ended]),
        str(ended[0].fence.worker_id),
    )
    return Query("verbs/complete", params, query.count)


def _ends(fences: Sequence[Fence]) -> Query[dict[UUID, str]]:
    return Query("reads/ended_attempts", _arrays(fences), lambda rows: {row[0]: row[1] for row in rows})


def _or_stale(ended: Ended | None, fence: Fence, expected: AttemptStatus) -> Steps[Ended]:
    """An end that this attempt wrote before (its answer was lost) is its own; anything else is stale."""
    if ended is not None:
        return ended
    closed = yield from ask(_ends([fence]))
    if closed.get(fence.attempt_id) == expected:
        return Ended(JobStatus.PENDING, None, 0)
    raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} is no longer open; stop its processes")


def _ended(rows: list[query.Row]) -> Ended | None:
    return Ended(JobStatus(rows[0][0]), rows[0][1], rows[0][2]) if rows else None


def _arrays(fences: Sequence[Fence]) -> tuple[str | None, str | None, str | None]:
    workspaces = arrays.uuids(list({f.workspace_id for f in fences}))
    return workspaces, arrays.uuids([f.job_id for f in fences]), arrays.uuids([f.attempt_id for f in fences])
