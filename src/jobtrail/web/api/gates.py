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


class GatesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which gates."""

    waiting: Annotated[bool, msgspec.Meta(description="Only those that wait for a decision.")] = True
    job_id: UUID | None = None
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
    """Gates of the workspace, or of one job."""
    wanted = gates.listed(call.workspace, waiting=query.waiting, job_id=query.job_id, limit=query.limit)
    return GateList(await call.read(wanted))


async def list_decisions(call: Call, gate_id: UUID) -> DecisionList:
    """Who has decided a gate, and how."""
    await call.found(gates.get(call.workspace, gate_id), f"gate {gate_id}")
    return DecisionList(await call.read(gates.decisions(call.workspace, [gate_id])))


async def approve_gate(call: Call, job_id: UUID, gate_id: UUID, body: DecisionBody) -> Reply[GateStanding]:
    """Approve; with enough approvals the job goes on."""
    return await _decide(call, job_id, gate_id, body, approve=True)


async def reject_gate(call: Call, job_id: UUID, gate_id: UUID, body: DecisionBody) -> Reply[GateStanding]:
    """Reject; the job is told."""
    return await _decide(call, job_id, gate_id, body, approve=False)


async def _decide(call: Call, job_id: UUID, gate_id: UUID, body: DecisionBody, *, approve: bool) -> Reply[GateStanding]:
    gate = await call.read(gates.get(call.workspace, gate_id))
    if gate is None or gate.job_id != job_id:
        raise NotFound(f"there is no gate {gate_id} of job {job_id} in this workspace")
    form = None if body.form is None else jsonguard.encode(body.form, at="form").decode()
    comment = None if body.comment is None else jsonguard.clean_text(body.comment)
    work = gates.decide(call.workspace, gate_id, call.principal.actor, approve=approve, comment=comment, form=form)
    return Reply(GateStanding(gate_id, await call.write(work, ORDERS)))
