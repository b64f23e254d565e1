"""Verbs on links to gates: make one for a person, list, revoke, and what the person does with it: look, and decide once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from jobtrail.core import gate_links, jsonguard
from jobtrail.core.approval import GateLink, Voice
from jobtrail.core.asking import Asker
from jobtrail.core.errors import Conflict, Denied, Limited, NotFound
from jobtrail.core.gate_links import ACTOR, MOST_OF_A_GATE, Token
from jobtrail.core.model import Actor, Gate
from jobtrail.core.scopes import Role
from jobtrail.core.status import ActorType, GateStatus
from jobtrail.service import gates
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic, flow

SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Made:
    """A new link with its token, which nothing tells again."""

    link: GateLink
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a person sees at their link. `form_token` goes with the decision."""

    link: GateLink
    gate: Gate
    asker: Asker
    form_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    link: GateLink
    secret: bytes = field(repr=False)
    as_owner: bool
    expired: bool

    @property
    def maker(self) -> Actor:
        return Actor(ActorType(self.link.actor_type), self.link.actor_id)


@atomic
def make(
    workspace: UUID,
    gate_id: UUID,
    link_id: UUID,
    person: str,
    secret: bytes,
    expires: timedelta,
    actor: Actor,
    *,
    as_owner: bool = False,
) -> Steps[Made]:
    """Makes a link by which `person` may answer once. It lends them the actor's own voice, so it is only for gates that the
    actor may decide. `secret`: 32 random bytes.

    Raises NotFound, Denied, Invalid for a name or a time that cannot be, Conflict when the gate was decided, and Limited
    when it has 100 links.
    """
    name = jsonguard.check_name(person, "person").strip()
    term = gate_links.check_term(expires)
    gate = yield from gates.held(workspace, gate_id)
    yield from gates.heard(workspace, gate, actor, as_owner=as_owner)
    if gate.status != GateStatus.WAITING:
        raise Conflict(f"gate {gate_id} of job {gate.job_id}: it is {gate.status} already")
    params = (workspace, gate_id, link_id, name, secret, actor.type, actor.id, as_owner, term.total_seconds(),
              MOST_OF_A_GATE)  # fmt: skip
    link = yield from ask(Query("verbs/make_gate_link", params, query.one_of(GateLink)))
    if link is None:
        raise Limited(f"gate {gate_id} has {MOST_OF_A_GATE} links already; ask a group instead")
    return Made(link, gate_links.token(workspace, link_id, gate_id, secret))


def listed(workspace: UUID, gate_id: UUID) -> Query[list[GateLink]]:
    """The links to a gate, oldest first."""
    return Query("reads/gate_links", (workspace, gate_id), query.many_of(GateLink))


@flow
def revoke(workspace: UUID, gate_id: UUID, link_id: UUID) -> Steps[GateLink]:
    """Makes a link worthless, at once. One that was used stays as it is. Raises NotFound."""
    params = (workspace, gate_id, link_id)
    found = yield from ask(Query("verbs/revoke_gate_link", params, query.one_of(GateLink)))
    if found is None:
        raise NotFound(f"there is no link {link_id} to gate {gate_id} in this workspace")
    return found


@flow
def opened(token: str) -> Steps[Opened]:
    """What is asked at a link; changes nothing. Needs a scope that sees all: the token says whose it is.

    Raises NotFound for a token that opens nothing, Conflict when it does no more, or the question is answered.
    """
    given = gate_links.parse(token)
    kept = yield from _kept(given)
    gate = yield from ask(gates.get(given.workspace, kept.link.gate_id))
    askers = [] if gate is None else (yield from ask(gates.askers(given.workspace, [gate.id])))
    if gate is None or not askers:
        raise gate_links.unknown()
    _check_open(kept, gate)
    return Opened(kept.link, gate, askers[0], gate_links.form_token(given, gate.id, kept.secret))


@atomic
def decide(token: str, form_token: str, *, approve: bool, comment: str | None, form: str | None) -> Steps[GateStatus]:
    """Decides with a link instead of a login, once. Needs a scope that sees all.

    Raises NotFound for a token that opens nothing, Denied for a form that is not the page's or when whoever made the link
    may not decide any more, Conflict when the link or the gate is done, Invalid by field as `gates.decide` does.
    """
    given = gate_links.parse(token)
    known = yield from _kept(given)
    gate = yield from gates.held(given.workspace, known.link.gate_id)
    kept = yield from _kept(given)  # as it is while the job is held: another answer may have come just now
    if not gate_links.form_fits(form_token, given, gate.id, kept.secret):
        raise Denied("this answer did not come from the page of the link; open the link, and answer there")
    _check_open(kept, gate)
    voice = yield from gates.heard(given.workspace, gate, kept.maker, as_owner=kept.as_owner)
    _check_maker(kept, voice)
    actor = Actor(ActorType.USER, f"{ACTOR}{kept.link.person}")
    yield from _not_for_oneself(given.workspace, gate, kept.link)
    work = gates.decided_by(
        given.workspace, gate, actor, voice, approve=approve, comment=comment, form=form, link=kept.link
    )
    return (yield from work)


def _not_for_oneself(workspace: UUID, gate: Gate, link: GateLink) -> Steps[None]:
    """A link is no way around: for whom it is may not have asked for the job themselves."""
    if gate.no_self_approval:
        person = yield from ask(gates.voice_of(workspace, Actor(ActorType.USER, link.person)))
        origins = yield from ask(gates.origins_of(workspace, [gate.id]))
        if person.id in origins.get(gate.id, ()):
            raise Denied(f"{link.person} asked for job {gate.job_id} themselves; somebody else must decide")


def _check_maker(kept: _Kept, voice: Voice) -> None:
    """The maker was let in when they made the link; since then they may have been given a lower role, or none."""
    is_member = voice.person is None or voice.role not in (None, Role.VIEWER)
    if not (kept.as_owner or is_member):
        raise Denied("whoever made this link may decide no more; ask somebody else for another one")


def _kept(given: Token) -> Steps[_Kept]:
    row = yield from ask(Query("reads/gate_link", (given.workspace, given.link_id), query.one))
    if row is None:
        raise gate_links.unknown()
    kept = _Kept(GateLink(*row[:9]), bytes(row[9]), row[10], row[11])
    if not gate_links.fits(given, kept.link.gate_id, kept.secret):
        raise gate_links.unknown()
    return kept


def _check_open(kept: _Kept, gate: Gate) -> None:
    if kept.link.used_at is not None:
        raise Conflict("this link was used: it takes one answer")
    if kept.link.revoked_at is not None:
        raise Conflict("this link was taken back; ask whoever sent it")
    if gate.status != GateStatus.WAITING:
        raise Conflict(f"this question is answered already: it is {gate.status}")
    if kept.expired:
        raise Conflict("the time of this link is over; ask whoever sent it for another one")
