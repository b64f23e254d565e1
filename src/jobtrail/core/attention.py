"""What of a workspace somebody should look at, the most urgent first, each in a sentence. No I/O; the time is passed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from jobtrail.core.breaker import Breaker, BreakerState
from jobtrail.core.budget import BudgetStanding
from jobtrail.core.figures import Attention, ErrorGroup, LostWorker, QueueFigures
from jobtrail.core.model import Gate
from jobtrail.core.schedules import Wrong
from jobtrail.core.shown import capped, counted, length, one_line

EACH: Final = 5
"""So many things of one sort are listed."""
_LONG_WAIT: Final = timedelta(minutes=1)
_OLD_GATE: Final = timedelta(hours=1)


def attention(
    now: datetime,
    *,
    unserved: Mapping[tuple[str, str], int],
    queues: Sequence[QueueFigures],
    errors: Sequence[ErrorGroup],
    lost: Sequence[LostWorker],
    gates: Sequence[Gate],
    breakers: Sequence[Breaker] = (),
    budgets: Sequence[BudgetStanding] = (),
    schedules: Sequence[Wrong] = (),
) -> list[Attention]:
    """Open breakers, queues without a worker, queues without a free slot, new errors, lost workers, schedules that cannot go on
    or whose jobs fail, old questions, budgets that are nearly spent: in this order.

    `unserved` counts ready jobs that no live worker takes, by queue and type.
    """
    sorts = (
        map(_open, (one for one in breakers if one.state != BreakerState.CLOSED)),
        _unserved(unserved, {one.queue: one for one in queues}),
        _crowded(queues, now),
        map(_new_error, sorted((one for one in errors if one.is_new), key=lambda one: one.jobs, reverse=True)),
        map(_lost, lost),
        map(_schedule, schedules),
        _old_gates(gates, now),
        _spent(budgets),
    )
    return [one for found in sorts for one in islice(found, EACH)]


def _open(breaker: Breaker) -> Attention:
    how = "lets some through to see" if breaker.state == BreakerState.HALF_OPEN else "is open, so its jobs wait"
    why = f": {one_line(breaker.reason, 100)}" if breaker.reason else ""
    return Attention("type", breaker.type, f"the breaker of type {breaker.type} {how}{why}", breaker.state_at)


def _unserved(found: Mapping[tuple[str, str], int], queues: Mapping[str, QueueFigures]) -> Iterator[Attention]:
    """A queue once; one that is paused would not be served anyway."""
    by_queue: dict[str, dict[str, int]] = {}
    for (queue, type), jobs in found.items():
        by_queue.setdefault(queue, {})[type] = jobs
    for queue, types in sorted(by_queue.items(), key=lambda one: -sum(one[1].values())):
        figures = queues.get(queue)
        if figures is not None and figures.paused_at is not None:
            continue
        jobs = sum(types.values())
        since = None if figures is None else figures.oldest_queued_at
        waits = f"{_jobs(jobs)} {'waits' if jobs == 1 else 'wait'} in {queue}"
        if figures is not None and figures.workers:
            names = ", ".join(sorted(types)[:3]) + ("…" if len(types) > 3 else "")
            says = f"{waits}, and no live worker of the queue knows {names}"
        else:
            says = f"{waits}, and no live worker serves it"
        yield Attention("queue", queue, says, since, jobs)


def _crowded(queues: Sequence[QueueFigures], now: datetime) -> Iterator[Attention]:
    late = [
        (now - one.oldest_queued_at, one)
        for one in queues
        if one.depth and one.slots and one.busy >= one.slots and one.oldest_queued_at and one.paused_at is None
    ]
    for wait, one in sorted(late, key=lambda each: each[0], reverse=True):
        if wait >= _LONG_WAIT:
            says = (
                f"queue {one.queue}: {_jobs(one.depth)} waiting, no free slot ({one.busy} of {one.slots} busy); "
                f"the oldest has waited {length(wait.total_seconds())}"
            )
            yield Attention("queue", one.queue, says, one.oldest_queued_at, one.depth)


def _new_error(group: ErrorGroup) -> Attention:
    names = ", ".join(list(group.types)[:2]) + ("…" if len(group.types) > 2 else "")
    how = "back after it was resolved" if group.state == "BACK" else "new"
    says = f"{how}: {_about(group)} in {names}, {_jobs(group.jobs)}"
    return Attention("error", group.fingerprint, says, group.first_at, group.jobs, group.job_ids[0])


def _about(group: ErrorGroup) -> str:
    message = one_line(group.message, 80)
    if not group.error_code or message.startswith(group.error_code):
        return message or "an error"
    return f"{group.error_code}: {message}" if message else group.error_code


def _lost(worker: LostWorker) -> Attention:
    name = f"worker {worker.name or str(worker.worker_id)[-8:]}"
    if worker.why is None:
        held = f"; {_jobs(worker.jobs)} it holds will move" if worker.jobs else ""
        return Attention(
            "worker", str(worker.worker_id), f"{name} is silent, its lease ran out{held}", worker.at, worker.jobs
        )
    left = worker.jobs - worker.again
    healed = "it went on elsewhere" if worker.jobs == 1 else f"{worker.again} of them went on elsewhere"
    after = healed if not left or worker.again else "not begun again yet"
    says = f"{name} vanished ({worker.why}) with {_jobs(worker.jobs)}; {after}"
    return Attention("worker", str(worker.worker_id), says, worker.at, worker.jobs, worker.job_id)


def _schedule(wrong: Wrong) -> Attention:
    name = f"schedule {one_line(wrong.name, 60)}"
    if wrong.paused_reason is not None:
        says = f"{name} can make no job and was paused: {one_line(wrong.paused_reason, 160)}"
    else:
        says = f"{name}: its newest two jobs failed"
    return Attention("schedule", str(wrong.id), says, wrong.since, wrong.failed, wrong.job_id)


def _old_gates(gates: Sequence[Gate], now: datetime) -> Iterator[Attention]:
    for gate in sorted(gates, key=lambda one: one.asked_at):
        waits = now - gate.asked_at
        if waits < _OLD_GATE and (gate.expires_at is None or gate.expires_at - now >= _OLD_GATE):
            continue
        ends = (
            "" if gate.expires_at is None else f", expires in {length(max((gate.expires_at - now).total_seconds(), 0))}"
        )
        says = f"“{one_line(gate.question, 80)}” has waited {length(waits.total_seconds())} for a decision{ends}"
        yield Attention("gate", str(gate.id), says, gate.asked_at, 1, gate.job_id)


def _spent(budgets: Sequence[BudgetStanding]) -> Iterator[Attention]:
    for one in sorted(budgets, key=lambda each: each.share, reverse=True):
        if one.share >= one.warn_at:
            waits = f"; {_jobs(one.waiting)} {'waits' if one.waiting == 1 else 'wait'} for it" if one.waiting else ""
            says = f"{one.label}: {one.share:.0%} used ({one.says}){waits}"
            yield Attention("budget", one.whose, says, one.warned_at, one.waiting)


def _jobs(count: int) -> str:
    return counted(count, "job") if count <= 10_000 else f"{capped(count)} jobs"
