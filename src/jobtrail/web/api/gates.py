"""Routes of gates: what waits for people, and their decisions."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.asking import GateDecision
from jobtrail.core.errors import NotFound
from jobtrail.core.model import Gate
from jobtrail.core.status import GateStatus
from jobtrail.service import gates
from jobtrail.store.wake import ORDERS
from jobtrail.web.routing import Reply
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name


class GatesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which gates."""

    waiting: Annotated[bool, msgspec.Meta(description="Only those that wait for a decision.")] = True
    mine: Annotated[bool, msgspec.Meta(description="Only those that wait and that the caller may decide.")] = False
    job_id: UUID | None = None
    group: Annotated[Name, msgspec.Meta(description="Only those that ask this group.")] | None = None
    queue: Name | None = None
    type: Name | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class GateList(msgspec.Struct, frozen=True):
    """Gates, oldest question first."""

    items: list[Gate]


class DecisionList(msgspec.Struct, frozen=True):
    """Who said what at a gate, in the order in which they did. None of a gate whose time was over."""

    items: list[GateDecision]


class DecisionBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes with a decision: a comment, and what the gate's form asks for."""

    comment: Annotated[str, msgspec.Meta(max_length=4_096)] | None = None
    form: Any = None


class GateStanding(msgspec.Struct, frozen=True):
    """How the gate stands after it; WAITING while more approvals are needed."""

    gate_id: UUID
    status: GateStatus


async def list_gates(call: Call, query: GatesQuery) -> GateList:
    """Gates of the workspace, or of one job, queue, type or group, or those that wait for the caller.

    `group` and `mine` narrow the oldest `limit` that otherwise fit.
    """
    if query.mine:
        me = call.principal
        mine = gates.mine(call.workspace, me.actor, as_owner=me.as_owner, job_id=query.job_id, queue=query.queue,
                          type=query.type, group=query.group, limit=query.limit)  # fmt: skip
        return GateList(await call.read(mine))
    found = await call.read(
        gates.listed(
            call.workspace,
            waiting=query.waiting,
            job_id=query.job_id,
            queue=query.queue,
            type=query.type,
            limit=query.limit,
        )
    )
    return GateList([one for one in found if query.group is None or gates.asks_group(one, query.group)])


async def list_decisions(call: Call, gate_id: UUID) -> DecisionList:
    """Who has decided a gate, and how."""
    await call.found(gates.get(call.workspace, gate_id), f"gate {gate_id}")
    return DecisionList(await call.read(gates.decisions(call.workspace, [gate_id])))


async def approve_gate(call: Call, job_id: UUID, gate_id: UUID, body: DecisionBody) -> Reply[GateStanding]:
    """Approve; with enough approvals the job goes on. Who has rejected may approve while the gate waits."""
    return await _decide(call, job_id, gate_id, body, approve=True)


async def reject_gate(call: Call, job_id: UUID, gate_id: UUID, body: DecisionBody) -> Reply[GateStanding]:
    """Reject; the job is told, at once or when too few are left who could approve, as the gate says."""
    return await _decide(call, job_id, gate_id, body, approve=False)


async def withdraw_decision(call: Call, job_id: UUID, gate_id: UUID) -> GateStanding:
    """Take back what the caller has said at a gate that waits."""
    await _check(call, job_id, gate_id)
    work = gates.withdraw(call.workspace, gate_id, call.principal.actor, as_owner=call.principal.as_owner)
    return GateStanding(gate_id, await call.write(work))


async def _decide(call: Call, job_id: UUID, gate_id: UUID, body: DecisionBody, *, approve: bool) -> Reply[GateStanding]:
    await _check(call, job_id, gate_id)
    form = None if body.form is None else jsonguard.encode(body.form, at="form").decode()
    comment = None if body.comment is None else jsonguard.clean_text(body.comment)
    me = call.principal
    work = gates.decide(
        call.workspace, gate_id, me.actor, approve=approve, comment=comment, form=form, as_owner=me.as_owner
    )
    return Reply(GateStanding(gate_id, await call.write(work, ORDERS)))


async def _check(call: Call, job_id: UUID, gate_id: UUID) -> None:
    gate = await call.read(gates.get(call.workspace, gate_id))
    if gate is None or gate.job_id != job_id:
        raise NotFound(f"there is no gate {gate_id} of job {job_id} in this workspace")
