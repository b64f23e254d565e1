"""Verbs on the breakers of types: look, set, take away; and what workers tell them of how attempts ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from jobtrail.core.breaker import Breaker, BreakerMode, BreakerPolicy, HeldType, check_policy
from jobtrail.core.errors import NotFound
from jobtrail.core.model import Actor
from jobtrail.core.status import ActorType
from jobtrail.service import administration
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

HOUSE: Final = Actor(ActorType.SYSTEM, "breaker")
CAP: Final = 10_001


class Outcomes(NamedTuple):
    """How many attempts of a type ended how. A failure after which a job is never tried again counts for nothing: then it
    was the job's own."""

    workspace_id: UUID
    type: str
    completed: int = 0
    failed: int = 0
    timed_out: int = 0


class Moved(NamedTuple):
    """A breaker that moved, and why."""

    workspace_id: UUID
    type: str
    was: str
    becomes: str
    reason: str | None


def listed(workspace: UUID, type: str | None = None) -> Query[list[Breaker]]:
    """The breakers of a workspace, or of one of its types, by type."""
    return Query("reads/breakers", (workspace, type), query.many_of(Breaker))


def holding(workspace: UUID, queue: str, cap: int = CAP) -> Query[list[HeldType]]:
    """The types of which jobs wait in a queue behind their breaker, with how many, up to `cap` each."""
    return Query("reads/held_types", (workspace, queue, cap), query.many_of(HeldType))


@atomic
def tell(outcomes: Sequence[Outcomes]) -> Steps[list[Moved]]:
    """Counts how attempts ended, for the types that have a breaker, and moves those whose counts say so."""
    found = yield from ask(_hold([one.workspace_id for one in outcomes], [one.type for one in outcomes]))
    counted = [one for one in outcomes if (one.workspace_id, one.type) in found]
    if not counted:
        return []
    columns = [list(column) for column in zip(*counted, strict=True)]
    yield from ask(Query("verbs/count_outcomes", columns, query.nothing))
    return (yield from _judge(sorted(found)))


@atomic
def review() -> Steps[list[Moved]]:
    """Lets breakers that were open for long enough see whether jobs complete again."""
    found = yield from ask(_hold(None, None))
    return (yield from _judge(sorted(found))) if found else []


@atomic
def put(
    workspace: UUID,
    type: str,
    mode: BreakerMode,
    actor: Actor,
    limit_id: UUID,
    *,
    policy: BreakerPolicy = BreakerPolicy(),
    reason: str | None = None,
) -> Steps[Breaker]:
    """Makes the breaker of a type or changes it. OPEN and CLOSED hold it so until it is AUTO again.

    `limit_id` is a new id, for the limit by which it will hold jobs. Raises Invalid for a policy out of its bounds.
    """
    policy = check_policy(policy)
    params = (
        workspace,
        type,
        limit_id,
        mode,
        policy.min_failures,
        policy.failure_ratio,
        policy.window_seconds,
        policy.open_seconds,
        policy.probes,
        reason,
        f"{actor.type}:{actor.id}",
    )
    (breaker,) = yield from ask(Query("verbs/set_breaker", params, query.many_of(Breaker)))
    said = {"mode": mode, "reason": reason}
    yield from ask(administration.tell(workspace, "breaker.set", actor, "type", type, said))
    return breaker


@atomic
def remove(workspace: UUID, type: str, actor: Actor) -> Steps[None]:
    """Takes the breaker of a type away. Raises NotFound."""
    if (yield from ask(Query("verbs/remove_breaker", (workspace, type), query.one))) is None:
        raise NotFound(f"type {type!r} has no breaker; set one with: jobtrail type breaker {type} auto")
    yield from ask(administration.tell(workspace, "breaker.removed", actor, "type", type))


def _hold(workspaces: list[UUID] | None, types: list[str] | None) -> Query[frozenset[tuple[UUID, str]]]:
    """Holds breakers, those of these types or all whose time may have come, until the transaction ends."""
    return Query("verbs/hold_breakers", (workspaces, types), lambda rows: frozenset((row[0], row[1]) for row in rows))


def _judge(found: Sequence[tuple[UUID, str]]) -> Steps[list[Moved]]:
    params = ([workspace for workspace, _ in found], [type for _, type in found])
    moved = yield from ask(Query("verbs/judge_breakers", params, query.many_of(Moved)))
    for one in moved:
        said = {"was": one.was, "reason": one.reason}
        what = f"breaker.{one.becomes.lower()}"
        yield from ask(administration.tell(one.workspace_id, what, HOUSE, "type", one.type, said))
    return moved
