"""Who may decide at a gate, whose voice counts, and what a gate comes to. Pure: what it needs to know is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from uuid import UUID

from jobtrail.core import duration, jsonguard
from jobtrail.core.asking import GateDecision
from jobtrail.core.errors import Invalid
from jobtrail.core.model import Actor, Gate
from jobtrail.core.scopes import Role
from jobtrail.core.status import ActorType, GateStatus

W = TypeVar("W", bound=StrEnum)

GROUP: Final = "group:"
ROLE: Final = "role:"
USER: Final = "user:"
KEY: Final = "key:"
MOST_APPROVERS: Final = 100
MOST_NEEDED: Final = 100


class OnExpire(StrEnum):
    """What nobody's answer counts as, when the time is over."""

    REJECT = "REJECT"
    APPROVE = "APPROVE"
    FAIL = "FAIL"
    CANCEL = "CANCEL"


class Rejections(StrEnum):
    """Which rejection decides: the first one, or the one after which too few are left who could approve."""

    FIRST = "FIRST"
    UNREACHABLE = "UNREACHABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a gate is to be decided, beyond by whom and by how many.

    `no_self_approval`: whoever enqueued the job, or the job at the head of its tree, may not decide. `escalate_to` may
    decide as well once nobody has for `escalate_after`.
    """

    no_self_approval: bool = False
    comment_required: bool = False
    on_expire: OnExpire = OnExpire.REJECT
    rejections: Rejections = Rejections.FIRST
    escalate_to: tuple[str, ...] = ()
    escalate_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """Who an actor is in a workspace. `id` counts once, whichever way the person comes; `holds` False: the key, the person
    or the membership that stands behind the actor is no more. `role` None: no member, or a key of nobody."""

    id: str
    person: str | None
    role: str | None
    holds: bool
    groups: list[str]


@dataclass(frozen=True, slots=True)
class GateLink:
    """A link as lists show it: without what signs it."""

    id: UUID
    gate_id: UUID
    person: str
    actor_type: str
    actor_id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Group:
    """People who are asked together. Members are e-mails (or names, on this machine), and keys as `key:ID`."""

    name: str
    members: list[str]
    created_by: str
    created_at: datetime


def check(approvers: Sequence[str], needed: int, rules: Rules) -> None:
    """Raises Invalid where a gate could never be decided as it is asked, or names somebody who cannot be."""
    if not 1 <= needed <= MOST_NEEDED:
        raise Invalid(f"needed must be 1 to {MOST_NEEDED}, not {needed}", fields={"needed": "out of range"})
    for field, names in (("approvers", approvers), ("escalate_to", rules.escalate_to)):
        if len(names) > MOST_APPROVERS:
            raise Invalid(f"{field} names more than {MOST_APPROVERS}; make a group", fields={field: "too many"})
        for name in names:
            _check_name(name, field)
    if (rules.escalate_after is None) != (not rules.escalate_to):
        raise Invalid("to whom a gate escalates and after which time go together", fields={"escalate_to": "incomplete"})
    if not approvers and (rules.escalate_to or rules.rejections is Rejections.UNREACHABLE):
        raise Invalid(
            "a gate that asks everybody has nobody to escalate to and no number of voices; name approvers",
            fields={"approvers": "missing"},
        )
    single = {name.lower() for name in approvers if not name.startswith((GROUP, ROLE)) and "@" in name}
    all_single = all(name.lower() in single for name in approvers)
    if approvers and all_single and not rules.escalate_to and needed > len(single):
        raise Invalid(
            f"{needed} must approve, but only {len(single)} are asked", fields={"needed": f"at most {len(single)}"}
        )


def _check_name(name: str, field: str) -> None:
    jsonguard.check_name(name, field)
    lower = name.lower()
    if lower.startswith(ROLE) and lower.removeprefix(ROLE).upper() not in Role.__members__:
        roles = ", ".join(f"{ROLE}{role}" for role in Role)
        raise Invalid(f"there is no role {name!r}; there are {roles}", fields={field: "no such role"})


def names_of(actor: Actor, voice: Voice, *, as_owner: bool = False) -> frozenset[str]:
    """Under which names a gate may ask an actor, in lower case. `as_owner`: whoever holds the machine or the database has
    every role there is."""
    own = actor.id.lower()
    names = {own, f"{KEY if actor.type is ActorType.API_KEY else USER}{own}"}
    if voice.person is not None:
        names |= {voice.person, f"{USER}{voice.person}"}
    roles = list(Role)
    held = Role.OWNER if as_owner else None if voice.role is None else Role(voice.role)
    if held is not None:
        names |= {f"{ROLE}{role}".lower() for role in roles[: roles.index(held) + 1]}
    return frozenset(names | set(voice.groups) | {f"{GROUP}{group}" for group in voice.groups})


def why_not(gate: Gate, actor: Actor, voice: Voice, origins: Collection[str], *, as_owner: bool = False) -> str | None:
    """Why an actor may not decide, or None when they may. `origins`: the voices of those whose job asks."""
    if not voice.holds:
        return f"{actor.id} may do nothing here any more"
    if gate.approvers and names_of(actor, voice, as_owner=as_owner).isdisjoint(one.lower() for one in gate.approvers):
        return (
            f"{actor.id} is not among the approvers of gate {gate.id} (job {gate.job_id}): {', '.join(gate.approvers)}"
        )
    if gate.no_self_approval and voice.id in origins:
        others = ", ".join(gate.approvers) or "anyone else who may decide"
        return (
            f"{actor.id} may not decide gate {gate.id}, for they asked for job {gate.job_id} themselves; ask {others}"
        )
    return None


def outcome(gate: Gate, said: Sequence[GateDecision], electorate: int | None) -> GateStatus:
    """What a gate comes to after what was said; `electorate`: of how many voices, where that counts."""
    yes = sum(one.approved for one in said)
    no = len(said) - yes
    if yes >= gate.needed:
        return GateStatus.APPROVED
    if no and (gate.rejections == Rejections.FIRST or electorate is None):
        return GateStatus.REJECTED
    if electorate is not None and electorate - no < gate.needed:
        return GateStatus.REJECTED
    return GateStatus.WAITING


def rules_of(
    *,
    no_self_approval: bool,
    comment: str,
    on_expire: str,
    rejections: str,
    escalate: tuple[str | float | timedelta, str | Sequence[str]] | None,
) -> Rules:
    """Rules as code writes them: words in any case, `escalate` as (after, to whom). Raises Invalid."""
    if comment not in ("optional", "required"):
        raise Invalid(f"comment is optional or required, not {comment!r}", fields={"comment": "no such word"})
    to: tuple[str, ...] = ()
    if escalate is not None:
        to = (escalate[1],) if isinstance(escalate[1], str) else tuple(escalate[1])
    return Rules(
        no_self_approval=no_self_approval,
        comment_required=comment == "required",
        on_expire=_word(OnExpire, on_expire, "on_expire"),
        rejections=_word(Rejections, rejections, "rejections"),
        escalate_to=to,
        escalate_after=None if escalate is None else duration.parse(escalate[0]),
    )


def _word(words: type[W], given: str, field: str) -> W:
    try:
        return words(given.upper())
    except ValueError:
        known = ", ".join(str(word).lower() for word in words)
        raise Invalid(f"{field} is one of {known}, not {given!r}", fields={field: "no such word"}) from None
