"""Limits: the verbs on limits that every client has, and what each is on the database and over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask
from jobtrail.client.tasks import Runs, Work
from jobtrail.core.limits import KeyUse, Limit, LimitScope, LimitUse, Rate
from jobtrail.core.model import Actor
from jobtrail.service import limits
from jobtrail.store.identity import new_id
from jobtrail.store.query import Flow, Query


class SaysLimits(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def listed(self) -> Work[list[LimitUse]]: ...
    def keys(self, queue: str | None) -> Work[list[KeyUse]]: ...
    def put(
        self, scope: LimitScope, name: str, max_slots: int | None, rate: Rate | None, reason: str | None
    ) -> Work[Limit]: ...
    def remove(self, limit_id: UUID) -> Work[None]: ...


class Limits:
    """The verbs on limits, blocking. A change holds from the next claim on; what runs goes on."""

    def __init__(self, say: SaysLimits, run: Runs) -> None:
        self._say, self._run = say, run

    def set(
        self,
        scope: LimitScope,
        name: str = "",
        *,
        max_slots: int | None = None,
        rate: Rate | None = None,
        reason: str | None = None,
    ) -> Limit:
        """Limits a queue, a type, a concurrency key (`*`: each one) or the whole workspace, in place of what stood there.

        Raises Invalid.
        """
        return self._run(self._say.put(scope, name, max_slots, rate, reason))

    def remove(self, limit_id: UUID) -> None:
        """Takes a limit away. Raises NotFound."""
        self._run(self._say.remove(limit_id))

    def keys(self, queue: str | None = None) -> list[KeyUse]:
        """Concurrency keys of which jobs run: how many, and how many wait; the longest first."""
        return self._run(self._say.keys(queue))

    def list(self) -> list[LimitUse]:
        """The limits, with what is used of each now."""
        return self._run(self._say.listed())


@dataclass(frozen=True, slots=True)
class LimitFlows:
    """Each verb for one workspace, by one actor."""

    workspace: UUID
    actor: Actor

    def listed(self) -> Query[list[LimitUse]]:
        """How they stand."""
        return limits.listed(self.workspace)

    def keys(self, queue: str | None) -> Query[list[KeyUse]]:
        """Who runs and waits."""
        return limits.keys(self.workspace, queue)

    def put(
        self, scope: LimitScope, name: str, max_slots: int | None, rate: Rate | None, reason: str | None
    ) -> Flow[Limit]:
        """Sets one."""
        return limits.set_limit(
            self.workspace, new_id(), scope, name, self.actor, max_slots=max_slots, rate=rate, reason=reason
        )

    def remove(self, limit_id: UUID) -> Flow[None]:
        """Takes one away."""
        return limits.remove(self.workspace, limit_id, self.actor)


class LimitAsks:
    """Each verb as the server's route takes it."""

    def listed(self) -> Ask[list[LimitUse]]:
        """How they stand."""
        return Ask(method="GET", path="/limits", read=_items, again=True)

    def keys(self, queue: str | None) -> Ask[list[KeyUse]]:
        """Who runs and waits."""
        query = {} if queue is None else {"queue": queue}
        return Ask(method="GET", path="/limits/keys", query=query, read=_keys, again=True)

    def put(
        self, scope: LimitScope, name: str, max_slots: int | None, rate: Rate | None, reason: str | None
    ) -> Ask[Limit]:
        """Sets one."""
        body: dict[str, Any] = {"scope": scope, "name": name or None, "max_slots": max_slots, "reason": reason}
        if rate is not None:
            body |= {"rate_count": rate.count, "rate_seconds": rate.seconds, "burst": rate.burst}
        raw = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        return Ask(method="PUT", path="/limits", read=_one, body=raw, again=True)

    def remove(self, limit_id: UUID) -> Ask[None]:
        """Takes one away."""
        return Ask(method="DELETE", path=f"/limits/{limit_id}", read=_nothing)


class _Page(msgspec.Struct, frozen=True):
    items: list[LimitUse]


class _Keys(msgspec.Struct, frozen=True):
    items: list[KeyUse]


def _items(body: bytes) -> list[LimitUse]:
    return msgspec.json.decode(body, type=_Page).items


def _keys(body: bytes) -> list[KeyUse]:
    return msgspec.json.decode(body, type=_Keys).items


def _one(body: bytes) -> Limit:
    return msgspec.json.decode(body, type=Limit)


def _nothing(_body: bytes) -> None:
    return None
