"""Verbs on gates that people decide: ask, approve, reject, expire, list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from jobtrail.core.asking import Asker, GateDecision
from jobtrail.core.errors import Conflict, Denied, NotFound, StaleAttempt
from jobtrail.core.fence import Fence, Used
from jobtrail.core.model import Actor, Gate
from jobtrail.core.status import GateStatus
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

_HIGHEST: Final = UUID(int=(1 << 128) - 1)


@flow
def request(
    fence: Fence,
    step_id: UUID,
    gate_id: UUID,
    question: str,
    *,
    approvers: tuple[str, ...] = (),
    needed: int = 1,
    form: str | None = None,
    expires: timedelta | None = None,
    used: Used = Used(),
) -> Steps[UUID]:
    """Asks people, and lets the job wait without a slot; the attempt ends INTERRUPTED. Answers the gate's id.

    `approvers` empty: anyone who may decide at all. `form` is the JSON schema of what the decision may carry.
    Raises StaleAttempt, or Conflict when this step's gate was decided before: read it with the remembered steps.
    """
    params = (
        *fence.named,
        step_id,
        gate_id,
        question,
        list(approvers),
        needed,
        form,
        None if expires is None else expires.total_seconds(),
        str(fence.worker_id),
        used.cpu_seconds,
        used.memory_bytes,
        used.disk_bytes,
    )
    row = yield from ask(Query("verbs/ask_gate", params, query.one))
    if row is None:
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} may not ask: it is to stop")
    asked: UUID = row[0]
    if row[1] != GateStatus.WAITING:
        raise Conflict(f"gate {asked} of job {fence.job_id} is {row[1]} already; it is not asked again")
    return asked


@atomic
def decide(
    workspace: UUID,
    gate_id: UUID,
    actor: Actor,
    *,
    approve: bool,
    comment: str | None = None,
    form: str | None = None,
) -> Steps[GateStatus]:
    """Records one actor's decision; answers the gate's status after it (WAITING while more approvals are needed).

    Raises NotFound, Denied when the actor is not among the approvers, Conflict when it was decided before.
    """
    yield from ask(Query("verbs/hold_gate", (workspace, gate_id), query.nothing))
    params = (workspace, gate_id, actor.type, actor.id, approve, comment, form)
    row = yield from ask(Query("verbs/decide_gate", params, query.one))
    if row is None:
        raise NotFound(f"there is no gate {gate_id} in this workspace")
    status, counted, may_decide, job_id = GateStatus(row[0]), row[1], row[2], row[3]
    if not may_decide:
        raise Denied(f"{actor.id} is not among the approvers of gate {gate_id} (job {job_id})")
    if not counted:
        what = "you have decided it already" if status is GateStatus.WAITING else f"it is {status} already"
        raise Conflict(f"gate {gate_id} of job {job_id}: {what}")
    return status


def expire(limit: int = 500) -> Query[tuple[int, list[str]]]:
    """Ends gates whose time is over; answers how many jobs go on, and in which queues."""
    return Query("verbs/expire_gates", (limit,), lambda rows: (rows[0][0], rows[0][1]))


def get(workspace: UUID, gate_id: UUID) -> Query[Gate | None]:
    """One gate, or None."""
    return Query("reads/gate", (workspace, gate_id), query.one_of(Gate))


def listed(workspace: UUID, *, waiting: bool = True, job_id: UUID | None = None, limit: int = 100) -> Query[list[Gate]]:
    """Gates of a workspace, oldest question first."""
    return Query("reads/gates", (workspace, waiting, job_id, limit), query.many_of(Gate))


def decided(workspace: UUID, *, before: UUID | None = None, limit: int = 50) -> Query[list[Gate]]:
    """A page of gates that do not wait any more, newest question first; `before` is the last id of the page before."""
    return Query("reads/decided_gates", (workspace, before or _HIGHEST, limit), query.many_of(Gate))


def askers(workspace: UUID, gate_ids: Sequence[UUID]) -> Query[list[Asker]]:
    """Which jobs ask at these gates."""
    return Query("reads/askers", (workspace, list(gate_ids)), query.many_of(Asker))


def decisions(workspace: UUID, gate_ids: Sequence[UUID]) -> Query[list[GateDecision]]:
    """Who decided what at these gates, in the order in which they did."""
    return Query("reads/gate_decisions", (workspace, list(gate_ids)), query.many_of(GateDecision))
