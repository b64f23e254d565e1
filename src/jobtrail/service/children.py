"""Verbs on the jobs that a job starts and waits for: start them as a remembered step, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.graph import JobEnd
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType, Phase, StepStatus, StepType, WaitReason
from jobtrail.service import accepting, attempts, dependencies, settling, steps
from jobtrail.service.wanted import NewJob, Options
from jobtrail.store import arrays, query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

_KEPT: Final = 1_000
_KEPT_BYTES: Final = 256 << 10
"""So many results, and so much of them, are remembered with the step that waited; more is read again where it lies."""


@dataclass(frozen=True, slots=True)
class Started:
    """The step that started jobs, and how these stand, in their order; `queues` have new work. `over`: the step waits no
    longer."""

    step_id: UUID
    ends: tuple[JobEnd, ...]
    queues: frozenset[str]
    over: bool


@atomic
def start(
    fence: Fence,
    step_id: UUID,
    key: str,
    name: str,
    wanted: Sequence[NewJob],
    *,
    generation: int,
    phase: Phase = Phase.EXECUTION,
    wakes: bool = True,
) -> Steps[Started]:
    """Starts jobs as children of the job of an attempt, once, whatever becomes of the attempt: `key` remembers them.

    `wakes`: one that ends badly is enough for the job to go on. Those that did not complete are retried when the job was.
    Raises StaleAttempt, Invalid.
    """
    begun = yield from ask(steps.begin(fence, step_id, key, name, phase, StepType.COMMAND))
    if not isinstance(begun, UUID):
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} may not start jobs: it is over")
    workspace, parent = fence.workspace_id, fence.job_id
    known = yield from ask(Query("reads/started_by", (workspace, parent, begun), query.rows))
    ids, queues = [row[0] for row in known], frozenset[str]()
    if not known:
        ids = yield from _enqueue(fence, wanted, begun, generation, wakes=wakes)
        queues = frozenset(job.options.queue for job in wanted)
    elif any(row[1] < generation for row in known):
        params = (workspace, parent, arrays.uuids(ids), begun, generation, wakes)
        queues = yield from ask(Query("verbs/retry_children", params, _texts))
    found = {end.job_id: end for end in (yield from ask(dependencies.ends(workspace, ids)))}
    ends = tuple(found[id] for id in ids if id in found)
    over = all(end.ended for end in ends) or (wakes and any(end.bad for end in ends))
    if over:
        yield from ask(Query("verbs/let_go", (workspace, parent, begun), query.nothing))
    return Started(begun, ends, queues, over)


@atomic
def suspend(fence: Fence, note: str) -> Steps[attempts.Ended]:
    """Ends an attempt whose job waits for what it started, without a slot; it goes on at once if that has ended meanwhile.

    Raises StaleAttempt, also when the job is to be cancelled: then end it so.
    """
    ended = yield from attempts.suspend(fence, "job.waiting", WaitReason.CHILD, None, note).begin()
    yield from ask(settling.release([(fence.workspace_id, fence.job_id)]))
    return ended


@flow
def recalled(workspace: UUID, output: str) -> Steps[list[JobEnd]]:
    """How the jobs ended for which a step waited that is over; `output` is what it remembered."""
    said = msgspec.json.decode(output)
    if "children" in said:
        return msgspec.convert(said["children"], list[JobEnd])
    ids = msgspec.convert(said["jobs"], list[UUID])
    found = {end.job_id: end for end in (yield from ask(dependencies.ends(workspace, ids)))}
    return [found[id] for id in ids if id in found]


def remember(fence: Fence, started: Started) -> Query[int | None]:
    """Ends the step; None when the attempt is stale. One that failed is not remembered: a retry looks at its jobs again."""
    bad = next((end for end in started.ends if end.bad), None)
    if bad is not None:
        why = f"job {bad.job_id} is {bad.status}: {bad.error_message or bad.error_code or ''}"
        return steps.finish(fence, started.step_id, StepStatus.FAILED, error=clean_text(why, max_bytes=4_096))
    size = sum(len(end.output or "") for end in started.ends)
    if size <= _KEPT_BYTES and len(started.ends) <= _KEPT:
        output = msgspec.json.encode({"children": started.ends}).decode()
    else:
        output = msgspec.json.encode({"jobs": [end.job_id for end in started.ends]}).decode()
    return steps.finish(fence, started.step_id, StepStatus.COMPLETED, output=output)


def told(started: Started) -> dict[str, Any]:
    """What goes into the trail when a job begins to wait for what it started."""
    still = [end for end in started.ends if not end.ended]
    what = (
        f"job {still[0].job_id} ({still[0].type})" if len(still) == 1 else f"{len(still)} jobs, {still[0].type} first"
    )
    return {"message": what, "children": len(still)}


def _enqueue(
    fence: Fence, wanted: Sequence[NewJob], step_id: UUID, generation: int, *, wakes: bool
) -> Steps[list[UUID]]:
    actor = Actor(ActorType.WORKER, str(fence.worker_id))
    done = yield from accepting.enqueue(fence.workspace_id, _under(fence.job_id, wanted), actor).begin()
    ids = list(done.ids)
    if done.existed:
        yield from dependencies.no_way_round(fence.workspace_id, fence.job_id, list(done.existed))
    where = (fence.workspace_id, fence.job_id, arrays.uuids(ids), step_id)
    params = (*where, generation, wakes, arrays.uuids(list(done.existed)))
    yield from ask(Query("verbs/await_children", params, query.nothing))
    return ids


def _under(parent: UUID, wanted: Sequence[NewJob]) -> list[NewJob]:
    """The jobs as children; those that shared their options still do."""
    options: dict[int, Options] = {}
    for job in wanted:
        if id(job.options) not in options:
            options[id(job.options)] = replace(job.options, parent_id=parent)
    return [job._replace(options=options[id(job.options)]) for job in wanted]


def _texts(rows: list[query.Row]) -> frozenset[str]:
    return frozenset(row[0] for row in rows)
