"""The verbs on gates as HTTP requests: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from jobtrail.client.deciding import Asked, MadeLink
from jobtrail.client.talk import Ask, Talk
from jobtrail.core.approval import GateLink
from jobtrail.core.asking import GateDecision
from jobtrail.core.model import Gate
from jobtrail.core.status import GateStatus

T = TypeVar("T")


class _Items(msgspec.Struct, frozen=True):
    items: msgspec.Raw


class _Standing(msgspec.Struct, frozen=True):
    status: GateStatus


class DecidingAsks:
    """Each verb as the server's route takes it."""

    def get_gate(self, gate_id: UUID) -> Ask[Gate]:
        """One gate."""
        return _get(f"/gates/{gate_id}", _reader(Gate))

    def list_gates(self, asked: Asked) -> Ask[list[Gate]]:
        """Gates that fit."""
        said: dict[str, Any] = {name: getattr(asked, name) for name in Asked.__slots__}
        said |= {"waiting": str(asked.waiting).lower(), "mine": str(asked.mine).lower()}
        query = {name: str(value) for name, value in said.items() if value is not None}
        return Ask(method="GET", path="/gates", read=_items(Gate), query=query, again=True)

    def decisions(self, gate_id: UUID) -> Ask[list[GateDecision]]:
        """Who has said what."""
        return _get(f"/gates/{gate_id}/decisions", _items(GateDecision))

    def withdraw(self, gate_id: UUID) -> Talk[GateStatus]:
        """Takes back what was said."""
        gate: Gate = yield self.get_gate(gate_id)
        path = f"/jobs/{gate.job_id}/gates/{gate_id}/withdraw"
        standing: _Standing = yield Ask(method="POST", path=path, read=_reader(_Standing), body=b"{}")
        return standing.status

    def make_link(self, gate_id: UUID, person: str, expires: timedelta) -> Ask[MadeLink]:
        """Makes a link."""
        body = msgspec.json.encode({"person": person, "expires_in_seconds": expires.total_seconds()})
        return Ask(method="POST", path=f"/gates/{gate_id}/links", read=_reader(MadeLink), body=body)

    def links(self, gate_id: UUID) -> Ask[list[GateLink]]:
        """The links to a gate."""
        return _get(f"/gates/{gate_id}/links", _items(GateLink))

    def revoke_link(self, gate_id: UUID, link_id: UUID) -> Ask[GateLink]:
        """Takes a link back."""
        path = f"/gates/{gate_id}/links/{link_id}"
        return Ask(method="DELETE", path=path, read=_reader(GateLink), again=True)


def _get(path: str, read: Callable[[bytes], T]) -> Ask[T]:
    return Ask(method="GET", path=path, read=read, again=True)


def _items(of: type[T]) -> Callable[[bytes], list[T]]:
    return lambda body: msgspec.json.decode(msgspec.json.decode(body, type=_Items).items, type=list[of])  # type: ignore[valid-type]


def _reader(wanted: type[T]) -> Callable[[bytes], T]:
    return lambda body: msgspec.json.decode(body, type=wanted)
