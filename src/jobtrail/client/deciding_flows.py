"""The verbs on gates as values for the database. Nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from jobtrail.client.deciding import Asked, MadeLink
from jobtrail.core.approval import GateLink
from jobtrail.core.asking import GateDecision
from jobtrail.core.errors import NotFound
from jobtrail.core.gate_links import PATH
from jobtrail.core.model import Actor, Gate
from jobtrail.core.status import GateStatus
from jobtrail.service import gate_links, gates
from jobtrail.store.identity import new_id, new_secret
from jobtrail.store.query import Flow, Query, Steps, ask, atomic, flow


@dataclass(frozen=True, slots=True)
class DecidingFlows:
    """Each verb for one workspace, by one actor. `as_owner`: the actor is whoever holds this machine."""

    workspace: UUID
    actor: Actor
    as_owner: bool

    def get_gate(self, gate_id: UUID) -> Flow[Gate]:
        """One gate."""
        return _found(self.workspace, gate_id)

    def list_gates(self, asked: Asked) -> Flow[list[Gate]]:
        """Gates that fit."""
        return _listed(self, asked)

    def decisions(self, gate_id: UUID) -> Query[list[GateDecision]]:
        """Who has said what."""
        return gates.decisions(self.workspace, [gate_id])

    def withdraw(self, gate_id: UUID) -> Flow[GateStatus]:
        """Takes back what was said."""
        return gates.withdraw(self.workspace, gate_id, self.actor, as_owner=self.as_owner)

    def make_link(self, gate_id: UUID, person: str, expires: timedelta) -> Flow[MadeLink]:
        """Makes a link; how others reach a service is not known here."""
        return _made(self, gate_id, person, expires)

    def links(self, gate_id: UUID) -> Query[list[GateLink]]:
        """The links to a gate."""
        return gate_links.listed(self.workspace, gate_id)

    def revoke_link(self, gate_id: UUID, link_id: UUID) -> Flow[GateLink]:
        """Takes a link back."""
        return gate_links.revoke(self.workspace, gate_id, link_id)


@flow
def _found(workspace: UUID, gate_id: UUID) -> Steps[Gate]:
    gate = yield from ask(gates.get(workspace, gate_id))
    if gate is None:
        raise NotFound(f"there is no gate {gate_id} in this workspace")
    return gate


@flow
def _listed(by: DecidingFlows, asked: Asked) -> Steps[list[Gate]]:
    job_id, queue, type, limit = asked.job_id, asked.queue, asked.type, asked.limit
    if asked.mine:
        mine = gates.mine(by.workspace, by.actor, as_owner=by.as_owner, job_id=job_id, queue=queue, type=type,
                          group=asked.group, limit=limit)  # fmt: skip
        return (yield from mine.begin())
    found = yield from ask(
        gates.listed(by.workspace, waiting=asked.waiting, job_id=job_id, queue=queue, type=type, limit=limit)
    )
    return [one for one in found if asked.group is None or gates.asks_group(one, asked.group)]


@atomic
def _made(by: DecidingFlows, gate_id: UUID, person: str, expires: timedelta) -> Steps[MadeLink]:
    work = gate_links.make(
        by.workspace, gate_id, new_id(), person, new_secret(), expires, by.actor, as_owner=by.as_owner
    )
    made = yield from work.begin()
    return MadeLink(f"{PATH}{made.token}", made.link)
