"""Verbs on limits: set, clear, list with what is used of them now. Claims see to them; a change holds from the next claim on."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from jobtrail.core.errors import NotFound
from jobtrail.core.limits import KeyUse, Limit, LimitScope, LimitUse, Rate, check_limit
from jobtrail.core.model import Actor
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

USER: Final = "USER"
BREAKER: Final = "BREAKER"
"""Who set a limit: people, or the circuit breaker of a type. One of each may stand; the tighter one counts."""
WAITING_CAP: Final = 1_001


@atomic
def set_limit(
    workspace: UUID,
    id: UUID,
    scope: LimitScope,
    name: str,
    actor: Actor,
    *,
    max_slots: int | None = None,
    rate: Rate | None = None,
    reason: str | None = None,
    source: str = USER,
) -> Steps[Limit]:
    """Sets a limit, in place of the one that the scope has under this name; it is recorded. Raises Invalid.

    What runs goes on, and so does what a claim takes that is under way while the first limit is set; claims that see to limits
    already are waited for. All that begin afterwards keep to it.
    """
    scope, name, max_slots, rate = check_limit(scope, name, max_slots, rate)
    yield from ask(hold_claims(workspace))
    rated = (None, None, None, None) if rate is None else (rate.count, rate.seconds, rate.kind, rate.burst)
    params = (workspace, id, scope, name, source, max_slots, *rated, actor.type, actor.id, reason)
    stands = yield from ask(Query("verbs/set_limit", params, lambda rows: Limit(*rows[0])))
    yield from ask(_hint())
    return stands


@atomic
def clear(workspace: UUID, scope: LimitScope, name: str, actor: Actor, *, source: str = USER) -> Steps[None]:
    """Takes a limit away, and records it. Raises NotFound."""
    params = (workspace, None, scope, name, source, actor.type, actor.id)
    what = "the workspace" if scope is LimitScope.WORKSPACE else f"{scope.lower()} {name}"
    yield from _cleared(workspace, params, f"there is no limit on {what}")


@atomic
def remove(workspace: UUID, limit_id: UUID, actor: Actor) -> Steps[None]:
    """Takes the limit with this id away, and records it. Raises NotFound."""
    params = (workspace, limit_id, None, None, None, actor.type, actor.id)
    yield from _cleared(workspace, params, f"there is no limit {limit_id}")


def _cleared(workspace: UUID, params: tuple[object, ...], missing: str) -> Steps[None]:
    yield from ask(hold_claims(workspace))
    if (yield from ask(Query("verbs/clear_limit", params, query.one))) is None:
        raise NotFound(f"{missing}; jobtrail limit list shows those that there are")
    yield from ask(_hint())


def _hint() -> Query[None]:
    """Lets the workers look at once: rarely done, it may be part of the transaction."""
    return Query("verbs/nudge", ("",), query.nothing)


def listed(workspace: UUID) -> Query[list[LimitUse]]:
    """The limits of a workspace, with what is used of each now; 1 000 at most."""
    return Query("reads/limits", (workspace,), query.many_of(LimitUse))


def keys(workspace: UUID, queue: str | None = None, cap: int = WAITING_CAP) -> Query[list[KeyUse]]:
    """Concurrency keys of which jobs run, with how many wait for them (up to `cap`); 100 at most, the longest first."""
    return Query("reads/key_uses", (workspace, queue, cap), query.many_of(KeyUse))


def hold_claims(workspace: UUID) -> Query[None]:
    """Waits for the claims of a workspace that are under way, and keeps others out for this transaction."""
    return Query("verbs/hold_claims", (workspace,), query.nothing)
