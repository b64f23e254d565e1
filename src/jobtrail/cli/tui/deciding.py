"""Approve and reject from a screen: what is asked first, and how a form is filled in."""

from __future__ import annotations

import shlex

from jobtrail.cli import values
from jobtrail.cli.tui.asking import Question
from jobtrail.cli.tui.frame import Framed
from jobtrail.cli.tui.spans import safe
from jobtrail.client import JobsClient
from jobtrail.core.ids import short
from jobtrail.core.model import Gate
from jobtrail.core.status import GateStatus


def ask(screen: Framed, gate: Gate, *, approve: bool) -> None:
    """Asks for a comment, and for what the gate wants filled in; then decides."""
    verb = "approve" if approve else "reject"
    form = gate.form if isinstance(gate.form, dict) else None
    lines = [safe(gate.question, 300), f"asked by job {short(gate.job_id)}"]
    fields = ["comment, kept in the trail"]
    if form is not None:
        properties = form.get("properties")
        lines.append(
            f"it may be filled in: {safe(', '.join(properties if isinstance(properties, dict) else form), 200)}"
        )
        fields.append("form: name=value name:=JSON …")

    def decided(typed: tuple[str, ...]) -> None:
        def decide(client: JobsClient) -> GateStatus:
            pairs = _words(typed[1]) if len(typed) > 1 else []
            filled = values.read(pairs, None, form) if pairs else None
            return client.decide(gate.id, approve=approve, comment=typed[0] or None, form=filled)

        screen.do(decide, lambda status: screen.say(_said(gate, status, approve=approve)))

    screen.ask(Question(f"{verb.capitalize()}?", tuple(lines), tuple(fields), does=verb), decided)


def command(gate: Gate) -> str:
    """The command that approves it."""
    return f"jobtrail gate approve {shlex.quote(str(gate.id))}"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _said(gate: Gate, status: GateStatus, *, approve: bool) -> str:
    more = "; more approvals are needed" if approve and status == GateStatus.WAITING else ""
    return f"{'approved' if approve else 'rejected'}{more}: {gate.question}"
