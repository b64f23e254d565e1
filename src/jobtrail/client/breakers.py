"""Breakers: the verbs on the breakers of types that every client has, and what each is on the database and over HTTP."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask
from jobtrail.client.tasks import Runs, Work
from jobtrail.core import jsonguard
from jobtrail.core.breaker import Breaker, BreakerMode, BreakerPolicy
from jobtrail.core.model import Actor
from jobtrail.service import breakers
from jobtrail.store.identity import new_id
from jobtrail.store.query import Flow, Query


class SaysBreakers(Protocol):
    """Each verb as a value: what is to be done, on the database or over HTTP."""

    def listed(self) -> Work[list[Breaker]]: ...
    def put(self, type: str, mode: BreakerMode, policy: BreakerPolicy, reason: str | None) -> Work[Breaker]: ...
    def remove(self, type: str) -> Work[None]: ...


class Breakers:
    """The verbs on the breakers of types, blocking."""

    def __init__(self, say: SaysBreakers, run: Runs) -> None:
        self._say, self._run = say, run

    def set(
        self,
        type: str,
        mode: BreakerMode = BreakerMode.AUTO,
        *,
        policy: BreakerPolicy = BreakerPolicy(),
        reason: str | None = None,
    ) -> Breaker:
        """Gives a type a breaker or changes it; OPEN and CLOSED hold it so until it is AUTO again. Raises Invalid."""
        return self._run(self._say.put(type, mode, policy, reason))

    def remove(self, type: str) -> None:
        """Takes the breaker of a type away: its jobs start. Raises NotFound."""
        self._run(self._say.remove(type))

    def list(self) -> list[Breaker]:
        """The breakers, by type; types that are not among them have none."""
        return self._run(self._say.listed())


@dataclass(frozen=True, slots=True)
class BreakerFlows:
    """Each verb for one workspace, by one actor."""

    workspace: UUID
    actor: Actor

    def listed(self) -> Query[list[Breaker]]:
        """How they stand."""
        return breakers.listed(self.workspace)

    def put(self, type: str, mode: BreakerMode, policy: BreakerPolicy, reason: str | None) -> Flow[Breaker]:
        """Sets one."""
        name = jsonguard.check_name(type, "a job's type")
        return breakers.put(self.workspace, name, mode, self.actor, new_id(), policy=policy, reason=reason)

    def remove(self, type: str) -> Flow[None]:
        """Takes one away."""
        return breakers.remove(self.workspace, type, self.actor)


class BreakerAsks:
    """Each verb as the server's route takes it."""

    def listed(self) -> Ask[list[Breaker]]:
        """How they stand."""
        return Ask(method="GET", path="/breakers", read=_items, again=True)

    def put(self, type: str, mode: BreakerMode, policy: BreakerPolicy, reason: str | None) -> Ask[Breaker]:
        """Sets one."""
        body: dict[str, Any] = {"mode": mode, "reason": reason, **asdict(policy)}
        raw = msgspec.json.encode({name: value for name, value in body.items() if value is not None})
        return Ask(method="PUT", path=_path(type), read=_one, body=raw, again=True)

    def remove(self, type: str) -> Ask[None]:
        """Takes one away."""
        return Ask(method="DELETE", path=_path(type), read=_nothing)


class _Page(msgspec.Struct, frozen=True):
    items: list[Breaker]


def _items(body: bytes) -> list[Breaker]:
    return msgspec.json.decode(body, type=_Page).items


def _one(body: bytes) -> Breaker:
    return msgspec.json.decode(body, type=Breaker)


def _nothing(_body: bytes) -> None:
    return None


def _path(type: str) -> str:
    return f"/types/{quote(jsonguard.check_name(type, 'type'), safe='')}/breaker"
