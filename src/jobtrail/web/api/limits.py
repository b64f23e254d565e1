"""Routes of limits: how they stand, set one, take one away."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.limits import MOST, MOST_SECONDS, KeyUse, Limit, LimitScope, LimitUse, Rate
from jobtrail.service import limits
from jobtrail.store.identity import new_id
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Reason

Number = Annotated[int, msgspec.Meta(ge=1, le=MOST)]


class LimitList(msgspec.Struct, frozen=True):
    """The limits of the workspace, each with what is used of it now; 1 000 at most."""

    items: list[LimitUse]


class KeyList(msgspec.Struct, frozen=True):
    """Concurrency keys of which jobs run; 100 at most, those first for which most jobs wait (counted up to 1 001)."""

    items: list[KeyUse]


class LimitTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How much: slots at once, starts in a time, or both. `burst` makes the rate a bucket: so many at once after a pause, and
    the others evenly."""

    max_slots: Annotated[int, msgspec.Meta(ge=0, le=MOST)] | None = None
    rate_count: Number | None = None
    rate_seconds: Annotated[float, msgspec.Meta(ge=0.001, le=MOST_SECONDS)] | None = None
    burst: Number | None = None
    reason: Reason | None = None


class LimitBody(LimitTerms, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A limit. `name`: of the queue, the type or the concurrency key (`*`: each that has no limit of its own; `max_slots`
    counts jobs there); nothing for the whole WORKSPACE."""

    scope: LimitScope
    name: Name | None = None


class KeysQuery(msgspec.Struct, frozen=True):
    """Only keys of which a job runs in this queue."""

    queue: Name | None = None


async def list_limits(call: Call) -> LimitList:
    """How the limits stand."""
    return LimitList(await call.read(limits.listed(call.workspace)))


async def list_limited_keys(call: Call, query: KeysQuery) -> KeyList:
    """Which concurrency keys run, and what waits for them."""
    queue = None if query.queue is None else jsonguard.check_name(query.queue, "queue")
    return KeyList(await call.read(limits.keys(call.workspace, queue)))


async def set_limit(call: Call, body: LimitBody) -> Limit:
    """Set a limit, in place of what stood there; claims see to it from now on."""
    return await _set(call, body.scope, body.name or "", body)


async def set_queue_limit(call: Call, queue: Name, body: LimitTerms) -> Limit:
    """Limit a queue."""
    return await _set(call, LimitScope.QUEUE, jsonguard.check_name(queue, "queue"), body)


async def remove_limit(call: Call, limit_id: UUID) -> None:
    """Take a limit away."""
    await call.write(limits.remove(call.workspace, limit_id, call.principal.actor))
    call.runtime.shared.forget((call.workspace, "limits"))


async def remove_queue_limit(call: Call, queue: Name) -> None:
    """Take the limit of a queue away."""
    name = jsonguard.check_name(queue, "queue")
    await call.write(limits.clear(call.workspace, LimitScope.QUEUE, name, call.principal.actor))
    call.runtime.shared.forget((call.workspace, "limits"))


async def _set(call: Call, scope: LimitScope, name: str, body: LimitTerms) -> Limit:
    said: dict[str, Any] = {"max_slots": body.max_slots, "rate": _rate(body)}
    reason = None if body.reason is None else jsonguard.clean_text(body.reason)
    if name:
        jsonguard.check_name(name, "name")
    work = limits.set_limit(call.workspace, new_id(), scope, name, call.principal.actor, reason=reason, **said)
    done = await call.write(work)
    call.runtime.shared.forget((call.workspace, "limits"))
    return done


def _rate(body: LimitTerms) -> Rate | None:
    if body.rate_count is not None and body.rate_seconds is not None:
        return Rate(body.rate_count, body.rate_seconds, body.burst)
    if body.rate_count is not None or body.rate_seconds is not None or body.burst is not None:
        raise Invalid(
            "a rate is rate_count starts in rate_seconds", fields={"rate_count": "goes together with rate_seconds"}
        )
    return None
