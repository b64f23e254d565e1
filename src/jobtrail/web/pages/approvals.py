"""What waits for people: questions with all that helps to answer them, and how earlier ones were answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import msgspec
from starlette.responses import Response

from jobtrail.core import approval
from jobtrail.core.asking import Asker, GateDecision
from jobtrail.core.errors import NotFound
from jobtrail.core.model import Asset, Gate
from jobtrail.core.scopes import ApiScope
from jobtrail.core.status import GateStatus
from jobtrail.service import assets, gate_links, gates
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.fields import Field, fields_of
from jobtrail.web.pages.page import page
from jobtrail.web.principal import Principal
from jobtrail.web.runtime import Call

_WAITING: Final = 50
_PAGE: Final = 30
_FILES: Final = 8
_LONG: Final = 140


class ApprovalsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which questions. `mine`: only those that whoever looks may answer."""

    show: Literal["waiting", "decided"] = "waiting"
    mine: bool = False
    before: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One question with all that helps to answer it. `why_not`: why whoever looks may not; `said`: what they have said."""

    gate: Gate
    asker: Asker
    decisions: Sequence[GateDecision]
    files: Sequence[Asset]
    fields: Sequence[Field]
    why_not: str | None
    said: GateDecision | None
    voice: str
    origins: Collection[str]

    @property
    def mine(self) -> bool:
        """Whether whoever looks may answer it."""
        return self.why_not is None

    @property
    def is_own(self) -> bool:
        """Whether it is the question of a job that whoever looks has asked for, who may not answer it."""
        return self.voice in self.origins and self.gate.no_self_approval

    @property
    def waits(self) -> bool:
        """Whether it waits for an answer still."""
        return self.gate.status == GateStatus.WAITING

    @property
    def approvals(self) -> int:
        """How many have approved."""
        return sum(one.approved for one in self.decisions)

    @property
    def headline(self) -> str:
        """The question, or its first line where it is long."""
        first = self.gate.question.strip().split("\n", 1)[0]
        return first if len(first) <= _LONG else first[: _LONG - 1] + "…"

    @property
    def step(self) -> str | None:
        """The step's name, where it is another than the question, by which it is named if its code says nothing else."""
        return None if self.asker.step[:40] in self.gate.question else self.asker.step

    @property
    def has_more(self) -> bool:
        """Whether the question says more than its headline."""
        return self.headline != self.gate.question.strip()


async def show_approvals(call: Call, query: ApprovalsQuery) -> Response:
    """Questions that wait, the oldest first; or those that were decided, the newest first."""
    call.principal.require(ApiScope.JOBS_READ)
    call.principal.require(ApiScope.ASSETS_READ)
    decided = query.show == "decided"
    size = _PAGE if decided else _WAITING
    found = await call.read(_cards(call.principal, decided=decided, before=query.before, limit=size + 1))
    cards = [card for card in found[:size] if card.mine or not query.mine]
    older = found[size - 1].gate.id if decided and len(found) > size else None
    more = not decided and len(found) > size
    return await page(
        call, "approvals.html", "Approvals", cards=cards, query=query, older=older, more=more, alone=False, links=()
    )


async def show_approval(call: Call, gate_id: UUID) -> Response:
    """One question."""
    call.principal.require(ApiScope.JOBS_READ)
    call.principal.require(ApiScope.ASSETS_READ)
    found = await call.read(_card(call.principal, gate_id))
    query = ApprovalsQuery(show="waiting" if found.waits else "decided")
    title = found.headline
    links = await call.read(gate_links.listed(call.workspace, gate_id)) if found.waits else []
    return await page(
        call, "approvals.html", title, cards=[found], query=query, older=None, more=False, alone=True, links=links
    )


@flow
def _cards(me: Principal, *, decided: bool, before: UUID | None, limit: int) -> Steps[list[Card]]:
    if decided:
        found = yield from ask(gates.decided(me.workspace, before=before, limit=limit))
    else:
        found = yield from ask(gates.listed(me.workspace, limit=limit))
    return (yield from _filled(me, found))


@flow
def _card(me: Principal, gate_id: UUID) -> Steps[Card]:
    gate = yield from ask(gates.get(me.workspace, gate_id))
    cards = [] if gate is None else (yield from _filled(me, [gate]))
    if not cards:
        raise NotFound(f"there is no gate {gate_id} in this workspace; it goes when its job is removed")
    return cards[0]


def _filled(me: Principal, found: Sequence[Gate]) -> Steps[list[Card]]:
    workspace, ids = me.workspace, [gate.id for gate in found]
    if not ids:
        return []
    voice = yield from ask(gates.voice_of(workspace, me.actor))
    origins = yield from ask(gates.origins_of(workspace, [gate.id for gate in found if gate.no_self_approval]))
    askers = {one.gate_id: one for one in (yield from ask(gates.askers(workspace, ids)))}
    decisions: dict[UUID, list[GateDecision]] = {}
    for said in (yield from ask(gates.decisions(workspace, ids))):
        decisions.setdefault(said.gate_id, []).append(said)
    jobs = list(dict.fromkeys(gate.job_id for gate in found if gate.status == GateStatus.WAITING or len(found) == 1))
    files: dict[UUID | None, list[Asset]] = {}
    for asset in (yield from ask(assets.newest_of(workspace, jobs, _FILES))) if jobs else []:
        files.setdefault(asset.job_id, []).append(asset)
    return [
        Card(
            gate=gate,
            asker=askers[gate.id],
            decisions=decisions.get(gate.id, []),
            files=_evidence(gate, files.get(gate.job_id, [])),
            fields=fields_of(gate.form, "form"),
            why_not=approval.why_not(gate, me.actor, voice, origins.get(gate.id, ()), as_owner=me.as_owner),
            said=next((one for one in decisions.get(gate.id, []) if one.voice == voice.id), None),
            voice=voice.id,
            origins=origins.get(gate.id, ()),
        )
        for gate in found
        if gate.id in askers
    ]


def _evidence(gate: Gate, files: Sequence[Asset]) -> list[Asset]:
    """What was made for this very question first, then what the job has made lately."""
    return sorted(files, key=lambda one: one.step_id != gate.step_id and one.role != "question")
