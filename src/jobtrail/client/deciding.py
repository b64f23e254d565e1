"""Decisions: the verbs on gates and on links to them that every client has, beyond approve and reject. What a verb is, on the
database or over HTTP, is said elsewhere; here it is run."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from jobtrail.client.tasks import Runs, Work
from jobtrail.core.approval import GateLink
from jobtrail.core.asking import GateDecision
from jobtrail.core.model import Gate
from jobtrail.core.status import GateStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which gates. `mine`: only those that wait and that this client's actor may decide."""

    waiting: bool = True
    mine: bool = False
    job_id: UUID | None = None
    group: str | None = None
    queue: str | None = None
    type: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link and its address: whole, or only its path (`/g/…`) where it is not known how others reach the service."""

    url: str = field(repr=False)
    link: GateLink


class SaysDecisions(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def get_gate(self, gate_id: UUID) -> Work[Gate]: ...
    def list_gates(self, asked: Asked) -> Work[list[Gate]]: ...
    def decisions(self, gate_id: UUID) -> Work[list[GateDecision]]: ...
    def withdraw(self, gate_id: UUID) -> Work[GateStatus]: ...
    def make_link(self, gate_id: UUID, person: str, expires: timedelta) -> Work[MadeLink]: ...
    def links(self, gate_id: UUID) -> Work[list[GateLink]]: ...
    def revoke_link(self, gate_id: UUID, link_id: UUID) -> Work[GateLink]: ...


class Decisions:
    """The verbs on gates, blocking."""

    def __init__(self, say: SaysDecisions, run: Runs) -> None:
        self._say, self._run = say, run

    def get(self, gate_id: UUID) -> Gate:
        """One gate. Raises NotFound."""
        return self._run(self._say.get_gate(gate_id))

    def list(self, asked: Asked = Asked()) -> list[Gate]:
        """Gates that fit, oldest question first."""
        return self._run(self._say.list_gates(asked))

    def said(self, gate_id: UUID) -> builtins.list[GateDecision]:
        """Who has said what at a gate."""
        return self._run(self._say.decisions(gate_id))

    def withdraw(self, gate_id: UUID) -> GateStatus:
        """Takes back what this client's actor has said at a gate that waits. Raises NotFound, Denied, Conflict."""
        return self._run(self._say.withdraw(gate_id))

    def make_link(self, gate_id: UUID, person: str, expires: timedelta = timedelta(days=2)) -> MadeLink:
        """Makes an address at which one person may answer once, with this actor's voice. It is told this once.

        Raises NotFound, Denied, Invalid for a time of more than 30 days, Conflict when it was decided.
        """
        return self._run(self._say.make_link(gate_id, person, expires))

    def links(self, gate_id: UUID) -> builtins.list[GateLink]:
        """The links to a gate, oldest first."""
        return self._run(self._say.links(gate_id))

    def revoke_link(self, gate_id: UUID, link_id: UUID) -> GateLink:
        """Takes a link back. Raises NotFound."""
        return self._run(self._say.revoke_link(gate_id, link_id))
