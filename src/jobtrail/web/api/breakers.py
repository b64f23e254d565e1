"""Routes of the breakers of types: how they stand, set one, take one away."""

from __future__ import annotations

from typing import Annotated

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.breaker import Breaker, BreakerMode, BreakerPolicy
from jobtrail.service import breakers
from jobtrail.store.identity import new_id
from jobtrail.web.runtime import Call
from jobtrail.web.views import Name, Reason

Hour = Annotated[int, msgspec.Meta(ge=10, le=3_600)]


class BreakerList(msgspec.Struct, frozen=True):
    """The breakers of the workspace, by type. Types that are not among them have none: their jobs always start."""

    items: list[Breaker]


class BreakerBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a breaker is to be. AUTO moves by what it counts; OPEN and CLOSED hold it so. What is left out stays, or is 10
    failures that are half of the attempts of 60 s, 30 s open, 1 job to see."""

    mode: BreakerMode = BreakerMode.AUTO
    min_failures: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    failure_ratio: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    window_seconds: Hour | None = None
    open_seconds: Annotated[int, msgspec.Meta(ge=1, le=86_400)] | None = None
    probes: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    reason: Reason | None = None


async def list_breakers(call: Call) -> BreakerList:
    """How the breakers stand."""
    return BreakerList(await call.read(breakers.listed(call.workspace)))


async def set_breaker(call: Call, type: Name, body: BreakerBody) -> Breaker:
    """Give a type a breaker, or change it: while it is OPEN its jobs wait and use up no attempt."""
    name = jsonguard.check_name(type, "type")
    policy = BreakerPolicy(
        min_failures=body.min_failures,
        failure_ratio=body.failure_ratio,
        window_seconds=body.window_seconds,
        open_seconds=body.open_seconds,
        probes=body.probes,
    )
    reason = None if body.reason is None else jsonguard.clean_text(body.reason)
    actor = call.principal.actor
    work = breakers.put(call.workspace, name, body.mode, actor, new_id(), policy=policy, reason=reason)
    return await call.write(work)


async def remove_breaker(call: Call, type: Name) -> None:
    """Take the breaker of a type away: its jobs start."""
    await call.write(breakers.remove(call.workspace, jsonguard.check_name(type, "type"), call.principal.actor))
