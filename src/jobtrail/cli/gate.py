"""`jobtrail gate list`, `get`, `approve`, `reject`, `withdraw`: decisions that jobs wait for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from jobtrail.cli import place, refs, show, values, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Ref, Switch
from jobtrail.cli.telling import notice, with_fix
from jobtrail.client import JobsClient
from jobtrail.client.deciding import Asked
from jobtrail.core.asking import GateDecision
from jobtrail.core.errors import Conflict, Invalid, NotFound
from jobtrail.core.ids import short
from jobtrail.core.model import Gate
from jobtrail.core.status import GateStatus


def gates(
    *,
    all: Annotated[bool, Switch] = False,
    mine: Annotated[bool, Switch] = False,
    job: str | None = None,
    group: str | None = None,
    queue: str | None = None,
    type: str | None = None,
    flags: Flags = NO_FLAGS,
) -> int:
    """Gates that wait, oldest question first.

    Parameters
    ----------
    all
        Also those that were decided.
    mine
        Only those that wait and that you may decide.
    job
        Only of this job.
    group
        Only those that ask this group.
    queue
        Only of jobs of this queue.
    type
        Only of jobs of this type.
    """
    with place.client(flags) as client:
        job_id = refs.job_id(client, job) if job else None
        asked = Asked(waiting=not all, mine=mine, job_id=job_id, group=group, queue=queue, type=type)
        found = client.decisions.list(asked)
    show.rows(
        found,
        [
            show.id_column(lambda g: g.id, "GATE"),
            show.id_column(lambda g: g.job_id, "JOB"),
            show.Column("STATUS", lambda g: g.status),
            show.Column("QUESTION", lambda g: g.question, lambda g: words.one_line(g.question, 80)),
            show.Column("APPROVERS", lambda g: ", ".join(g.approvers) or "anyone", rank=3),
            show.Column("NEEDED", lambda g: g.needed, right=True, rank=4),
            show.time_column("ASKED", lambda g: g.asked_at, rank=2),
            show.time_column("EXPIRES", lambda g: g.expires_at, rank=1),
        ],
        flags,
        empty="nobody is asked anything",
    )
    return 0


def approve(
    gate: Ref, /, *form: Pair, message: Annotated[str | None, Parameter(alias="-m")] = None, flags: Flags = NO_FLAGS
) -> int:
    """Approve; the job goes on when enough have approved.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    form
        What the gate asks to be filled in: name=value or name:=JSON.
    message
        What to say about it; it is kept in the trail.
    """
    return _decide(gate, form, message, flags, yes=True)


def reject(
    gate: Ref, /, *form: Pair, message: Annotated[str | None, Parameter(alias="-m")] = None, flags: Flags = NO_FLAGS
) -> int:
    """Reject; the job is told and ends, unless it has another way.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    form
        What the gate asks to be filled in: name=value or name:=JSON.
    message
        Why; it is kept in the trail.
    """
    return _decide(gate, form, message, flags, yes=False)


def get(gate: Ref, /, *, flags: Flags = NO_FLAGS) -> int:
    """One gate: what is asked, of whom, by which rules, and what was said.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    """
    with place.client(flags) as client:
        found = meant(client, gate, waiting=False)
        said = client.decisions.said(found.id)
    show.thing({**asdict(found), "decisions": [asdict(one) for one in said]}, lambda: _facts(found, said), flags)
    return 0


def withdraw(gate: Ref, /, *, flags: Flags = NO_FLAGS) -> int:
    """Take back what you said at a gate that waits.

    Parameters
    ----------
    gate
        The gate or its job: an id, four or more digits of its start or end, @last.
    """
    with place.client(flags) as client:
        found = meant(client, gate)
        status = client.decisions.withdraw(found.id)
    show.thing({"id": found.id, "job_id": found.job_id, "status": status},
               lambda: [("gate", found.id), ("status", status)], flags)  # fmt: skip
    notice(f"taken back: {words.one_line(found.question, 100)}  (job {short(found.job_id)})")
    return 0


def _facts(gate: Gate, said: Sequence[GateDecision]) -> list[tuple[str, object]]:
    """What `gate get` shows."""
    rules = [
        f"{gate.needed} must approve",
        "the first rejection decides" if gate.rejections == "FIRST" else "rejections decide when too few are left",
        *(["not by whoever enqueued the job"] if gate.no_self_approval else []),
        *(["with a comment"] if gate.comment_required else []),
        *(["with a form"] if gate.form else []),
    ]
    facts: list[tuple[str, object]] = [
        ("gate", gate.id),
        ("job", gate.job_id),
        ("question", gate.question),
        ("status", gate.status),
        ("asked of", ", ".join(gate.approvers) or "anyone who may decide"),
        ("rules", "; ".join(rules)),
        ("form", "  ".join(values.described(gate.form)) if isinstance(gate.form, dict) else None),
        ("asked", gate.asked_at),
    ]
    if gate.expires_at is not None:
        facts.append(("expires", f"{gate.expires_at:%Y-%m-%d %H:%M:%S %Z}, which counts as {gate.on_expire}"))
    if gate.escalate_at is not None:
        facts.append(("escalates", f"{gate.escalate_at:%Y-%m-%d %H:%M:%S %Z} to {', '.join(gate.escalate_to)}"))
    for one in said:
        comment = f": {words.one_line(one.comment, 200)}" if one.comment else ""
        facts.append(("approved by" if one.approved else "rejected by", f"{one.actor_id}{comment}"))
    return facts


def _decide(ref: str, form: tuple[str, ...], message: str | None, flags: Flags, *, yes: bool) -> int:
    with place.client(flags) as client:
        gate = meant(client, ref)
        filled = values.read(form, None, gate.form if isinstance(gate.form, dict) else None) if form else None
        try:
            status = client.decide(gate.id, approve=yes, comment=message, form=filled)
        except Invalid as error:
            raise with_fix(error, _whole(ref, gate, yes=yes)) from error
    said = "approved" if yes else "rejected"
    show.thing({"id": gate.id, "job_id": gate.job_id, "status": status}, lambda: [("gate", gate.id), ("status", status)],
               flags)  # fmt: skip
    more = "; more approvals are needed" if status == GateStatus.WAITING else ""
    notice(f"{said}{more}: {words.one_line(gate.question, 100)}  (job {short(gate.job_id)})")
    return 0


def _whole(ref: str, gate: Gate, *, yes: bool) -> str:
    """The command that carries all that a decision at the gate must."""
    schema = gate.form if yes and isinstance(gate.form, dict) else None
    form = [f"{name}=…" for name in values.required(schema)]
    comment = ["-m '…'"] if gate.comment_required else []
    return " ".join(["jobtrail gate", "approve" if yes else "reject", ref, *form, *comment])


def meant(client: JobsClient, ref: str, *, waiting: bool = True) -> Gate:
    """The gate of an id, or the one at which a job waits; the last one that was decided, unless it is to be `waiting`."""
    by_id = {gate.id: gate for gate in client.gates(waiting=waiting)}
    if (gate_id := refs.one_of(list(by_id), ref)) is not None:
        return by_id[gate_id]
    job_id = _job(client, ref)
    of_job = client.gates(waiting=True, job_id=job_id)
    if not of_job:
        decided = client.gates(waiting=False, job_id=job_id)
        if decided and not waiting:
            return decided[-1]
        if decided:
            raise Conflict(f"job {job_id} waits for no decision; its last gate is {decided[-1].status}")
        raise with_fix(Conflict(f"job {job_id} waits for no decision"), "jobtrail gate list")
    if len(of_job) > 1:
        asked = {str(gate.id): gate.question for gate in of_job}
        raise with_fix(Invalid(f"job {job_id} waits at several gates", fields=asked), "name the gate")
    return of_job[0]


def _job(client: JobsClient, ref: str) -> UUID:
    try:
        return refs.job_id(client, ref)
    except NotFound as error:
        raise with_fix(NotFound(f"no gate and no job is meant by {ref}"), "jobtrail gate list") from error
