"""Verbs on gates that people decide: ask, approve, reject, take back, expire, list. Links to them have a module of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import approval, forms, jsonguard
from jobtrail.core.approval import GateLink, Rules, Voice
from jobtrail.core.asking import Asker, GateDecision
from jobtrail.core.errors import Conflict, Denied, Invalid, NotFound, StaleAttempt
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
    rules: Rules = Rules(),
    used: Used = Used(),
) -> Steps[UUID]:
    """Asks people, and lets the job wait without a slot; the attempt ends INTERRUPTED. Answers the gate's id.

    `approvers` empty: anyone who may decide at all. `form` is the JSON schema of what an approval must carry.
    Raises Invalid for a question that nobody could decide, StaleAttempt, or Conflict when it was decided before.
    """
    approval.check(approvers, needed, rules)
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
        *_of_rules(rules),
    )
    row = yield from ask(Query("verbs/ask_gate", params, query.one))
    if row is None:
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} may not ask: it is to stop")
    asked: UUID = row[0]
    if row[1] != GateStatus.WAITING:
        raise Conflict(f"gate {asked} of job {fence.job_id} is {row[1]} already; it is not asked again")
    return asked


def _of_rules(rules: Rules) -> tuple[object, ...]:
    after = None if rules.escalate_after is None else rules.escalate_after.total_seconds()
    to = list(rules.escalate_to)
    return rules.on_expire, rules.rejections, rules.no_self_approval, rules.comment_required, to, after


@atomic
def decide(
    workspace: UUID,
    gate_id: UUID,
    actor: Actor,
    *,
    approve: bool,
    comment: str | None = None,
    form: str | None = None,
    as_owner: bool = False,
) -> Steps[GateStatus]:
    """Records one actor's decision; answers the gate's status after it (WAITING while more approvals are needed).

    While the gate waits, who has decided may decide the other way; the same once more is a Conflict, as is a gate that was
    decided. `form` is JSON. `as_owner`: the actor holds the machine or the database itself, and so every role.
    Raises NotFound, Denied when the actor may not decide, Invalid by field where a comment or the form is not as asked.
    """
    gate = yield from held(workspace, gate_id)
    voice = yield from heard(workspace, gate, actor, as_owner=as_owner)
    return (yield from decided_by(workspace, gate, actor, voice, approve=approve, comment=comment, form=form))


@atomic
def withdraw(workspace: UUID, gate_id: UUID, actor: Actor, *, as_owner: bool = False) -> Steps[GateStatus]:
    """Takes back what an actor has said at a gate that waits. Raises NotFound, Denied, Conflict when there is nothing."""
    gate = yield from held(workspace, gate_id)
    voice = yield from heard(workspace, gate, actor, as_owner=as_owner)
    _waits(gate)
    said = yield from ask(decisions(workspace, [gate_id]))
    if all(one.voice != voice.id for one in said):
        raise Conflict(f"{actor.id} has said nothing at gate {gate_id} of job {gate.job_id} that could be taken back")
    note = {"gate_id": gate_id, "withdrawn": True}
    yield from _keep(workspace, gate, actor, voice, (None, None, None), GateStatus.WAITING, note, None)
    return GateStatus.WAITING


def held(workspace: UUID, gate_id: UUID) -> Steps[Gate]:
    """The gate, with its job held for this transaction: decisions come one after the other, and before or after the end of
    its time. Raises NotFound."""
    yield from ask(Query("verbs/hold_gate", (workspace, gate_id), query.nothing))
    gate = yield from ask(get(workspace, gate_id))
    if gate is None:
        raise NotFound(f"there is no gate {gate_id} in this workspace")
    return gate


def heard(workspace: UUID, gate: Gate, actor: Actor, *, as_owner: bool) -> Steps[Voice]:
    """As whom an actor is heard at a gate. Raises Denied, which says who may decide."""
    found = yield from ask(voice_of(workspace, actor))
    origins = (yield from ask(origins_of(workspace, [gate.id]))) if gate.no_self_approval else {}
    if (why := approval.why_not(gate, actor, found, origins.get(gate.id, ()), as_owner=as_owner)) is not None:
        raise Denied(why)
    return found


def decided_by(
    workspace: UUID,
    gate: Gate,
    actor: Actor,
    voice: Voice,
    *,
    approve: bool,
    comment: str | None,
    form: str | None,
    link: GateLink | None = None,
) -> Steps[GateStatus]:
    """Records what is said at a gate that is held, by one who is heard there; `link`: through which link it was said."""
    _waits(gate)
    said = yield from ask(decisions(workspace, [gate.id]))
    before = next((one for one in said if one.voice == voice.id), None)
    if before is not None and (before.approved == approve or link is not None):
        whom = "you have" if link is None else f"{before.actor_id} has"
        raise Conflict(f"gate {gate.id} of job {gate.job_id}: {whom} decided it already")
    _check(gate, approve=approve, comment=comment, form=form)
    others = [one for one in said if one.voice != voice.id]
    mine = GateDecision(gate.id, actor.type, actor.id, approve, None, None, gate.asked_at, voice.id)
    status = approval.outcome(gate, [*others, mine], (yield from _electorate(workspace, gate)))
    note: dict[str, Any] = {"gate_id": gate.id, "comment": comment, "changed": True if before is not None else None}
    note["form"] = None if form is None else msgspec.Raw(form.encode())
    if link is not None:
        note |= {"link_id": link.id, "link_by": f"{link.actor_type}:{link.actor_id}"}
    told = {key: value for key, value in note.items() if value is not None}
    yield from _keep(workspace, gate, actor, voice, (approve, comment, form), status, told, link)
    return status


def expire(limit: int = 500) -> Query[tuple[int, list[str]]]:
    """Ends gates whose time is over, and escalates others; answers how many jobs go on, and in which queues."""
    return Query("verbs/expire_gates", (limit,), lambda rows: (rows[0][0], rows[0][1]))


def get(workspace: UUID, gate_id: UUID) -> Query[Gate | None]:
    """One gate, or None."""
    return Query("reads/gate", (workspace, gate_id), query.one_of(Gate))


def listed(
    workspace: UUID,
    *,
    waiting: bool = True,
    job_id: UUID | None = None,
    queue: str | None = None,
    type: str | None = None,
    names: Collection[str] | None = None,
    limit: int = 100,
) -> Query[list[Gate]]:
    """Gates of a workspace, oldest question first; `names`: only those that ask by one of these names, or everybody."""
    asked = None if names is None else sorted(names)
    return Query("reads/gates", (workspace, waiting, job_id, queue, type, asked, limit), query.many_of(Gate))


@flow
def mine(
    workspace: UUID,
    actor: Actor,
    *,
    as_owner: bool = False,
    job_id: UUID | None = None,
    queue: str | None = None,
    type: str | None = None,
    group: str | None = None,
    limit: int = 100,
) -> Steps[list[Gate]]:
    """The gates that wait and that an actor may decide, oldest question first."""
    voice = yield from ask(voice_of(workspace, actor))
    names = approval.names_of(actor, voice, as_owner=as_owner)
    found = yield from ask(listed(workspace, job_id=job_id, queue=queue, type=type, names=names, limit=limit))
    origins = yield from ask(origins_of(workspace, [one.id for one in found if one.no_self_approval]))
    may = [
        one for one in found if approval.why_not(one, actor, voice, origins.get(one.id, ()), as_owner=as_owner) is None
    ]
    return may if group is None else [one for one in may if asks_group(one, group)]


def asks_group(gate: Gate, group: str) -> bool:
    """Whether a gate asks a group by its name."""
    return not {group.lower(), f"{approval.GROUP}{group.lower()}"}.isdisjoint(one.lower() for one in gate.approvers)


def decided(workspace: UUID, *, before: UUID | None = None, limit: int = 50) -> Query[list[Gate]]:
    """A page of gates that do not wait any more, newest question first; `before` is the last id of the page before."""
    return Query("reads/decided_gates", (workspace, before or _HIGHEST, limit), query.many_of(Gate))


def askers(workspace: UUID, gate_ids: Sequence[UUID]) -> Query[list[Asker]]:
    """Which jobs ask at these gates."""
    return Query("reads/askers", (workspace, list(gate_ids)), query.many_of(Asker))


def decisions(workspace: UUID, gate_ids: Sequence[UUID]) -> Query[list[GateDecision]]:
    """Who decided what at these gates, in the order in which they did."""
    return Query("reads/gate_decisions", (workspace, list(gate_ids)), query.many_of(GateDecision))


def voice_of(workspace: UUID, actor: Actor) -> Query[Voice]:
    """Who an actor is in a workspace."""
    return Query("reads/voice", (workspace, actor.type, actor.id), lambda rows: Voice(*rows[0]))


def origins_of(workspace: UUID, gate_ids: Sequence[UUID]) -> Query[dict[UUID, set[str]]]:
    """The voices of those whose jobs ask at these gates."""

    def read(rows: list[query.Row]) -> dict[UUID, set[str]]:
        found: dict[UUID, set[str]] = {}
        for gate_id, voice in rows:
            found.setdefault(gate_id, set()).add(voice)
        return found

    return Query("reads/gate_origins", (workspace, list(gate_ids)), read)


def _electorate(workspace: UUID, gate: Gate) -> Steps[int | None]:
    """Of how many voices an answer may come, where that counts."""
    if gate.rejections != approval.Rejections.UNREACHABLE:
        return None
    names = [one.lower() for one in [*gate.approvers, *(gate.escalate_to if gate.escalate_at is not None else ())]]
    voices = yield from ask(Query("reads/electorate", (workspace, names), lambda rows: {row[0] for row in rows}))
    origins = (yield from ask(origins_of(workspace, [gate.id]))) if gate.no_self_approval else {}
    return len(voices - origins.get(gate.id, set()))


def _keep(
    workspace: UUID,
    gate: Gate,
    actor: Actor,
    voice: Voice,
    said: tuple[bool | None, str | None, str | None],
    status: GateStatus,
    note: dict[str, Any],
    link: GateLink | None,
) -> Steps[None]:
    params = (workspace, gate.id, actor.type, actor.id, *said, voice.id, status, None if link is None else link.id)
    yield from ask(Query("verbs/decide_gate", (*params, msgspec.json.encode(note).decode()), query.nothing))


def _waits(gate: Gate) -> None:
    if gate.status != GateStatus.WAITING:
        raise Conflict(f"gate {gate.id} of job {gate.job_id}: it is {gate.status} already")


def _check(gate: Gate, *, approve: bool, comment: str | None, form: str | None) -> None:
    """Raises Invalid, by field, for what a decision must carry and does not. A rejection need not be filled in."""
    faults: dict[str, str] = {}
    if gate.comment_required and not (comment or "").strip():
        faults["comment"] = "say why: this gate asks for a comment"
    if isinstance(gate.form, dict) and (approve or form is not None):
        value = None if form is None else jsonguard.decode(form, at="form")
        faults |= forms.faults(gate.form, {} if value is None and forms.wants_object(gate.form) else value, "form")
    if faults:
        first = next(iter(faults.items()))
        raise Invalid(f"gate {gate.id} takes no such decision: {first[0]}: {first[1]}", fields=faults)
