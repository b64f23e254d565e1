"""The verbs of those who operate as HTTP requests: what to send, and how to read the answer. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import msgspec

from jobtrail.client.talk import Ask
from jobtrail.core import jsonguard
from jobtrail.core.access import Workspace
from jobtrail.core.bulk import Order
from jobtrail.core.status import ErrorStatus
from jobtrail.service.bulk import Counted, Ordered
from jobtrail.service.forks import Forked, Point
from jobtrail.service.workers import Told

T = TypeVar("T")


class OperatingAsks:
    """Each verb as the server's route takes it."""

    def pause_workspace(self, reason: str | None) -> Ask[Workspace]:
        """Pauses all of it."""
        return _post("/workspace/pause", _reader(Workspace), {"reason": reason}, again=True)

    def resume_workspace(self) -> Ask[Workspace]:
        """Lets it go on."""
        return _post("/workspace/resume", _reader(Workspace))

    def drain(self, worker_id: UUID, reason: str | None, *, stop: bool) -> Ask[Told]:
        """Tells a worker to take no more."""
        return _post(f"/workers/{worker_id}/drain", _reader(Told), {"reason": reason, "stop": stop}, again=True)

    def undrain(self, worker_id: UUID) -> Ask[Told]:
        """Lets a worker take jobs again."""
        return _post(f"/workers/{worker_id}/undrain", _reader(Told))

    def leave_queue(self, worker_id: UUID, queue: str, *, leave: bool) -> Ask[Told]:
        """Tells one worker to leave a queue alone, or not."""
        name = quote(jsonguard.check_name(queue, "a queue's name"), safe="")
        path = f"/workers/{worker_id}/queues/{name}/{'pause' if leave else 'resume'}"
        return _post(path, _reader(Told), again=True)

    def mark_error(self, fingerprint: str, status: ErrorStatus, note: str | None) -> Ask[None]:
        """Mutes or resolves an error."""
        verb = "mute" if status is ErrorStatus.MUTED else "resolve"
        return _post(f"/errors/{_fingerprint(fingerprint)}/{verb}", _nothing, {"note": note}, again=True)

    def unmark_error(self, fingerprint: str) -> Ask[None]:
        """Takes that back."""
        return _post(f"/errors/{_fingerprint(fingerprint)}/reopen", _nothing)

    def count(self, order: Order) -> Ask[Counted]:
        """Counts what an order would touch."""
        return _post("/bulk", lambda body: _ordered(body).counted, _body(order) | {"dry_run": True}, again=True)

    def order(self, order: Order) -> Ask[Ordered]:
        """Counts, and enqueues it."""
        return _post("/bulk", _ordered, _body(order))


def fork(job_id: UUID, id: UUID, point: Point, input: object) -> Ask[Forked]:
    """A new job that goes on at a step of this one, under an id of our own, so that a lost answer makes no second one."""
    body: dict[str, Any] = {"after_step" if point.after else "from_step": point.step, "id": id}
    if input is not None:
        body["input"] = msgspec.Raw(jsonguard.encode(input, at="input"))
    return _post(f"/jobs/{job_id}/fork", _reader(Forked), body, again=True)


class _Answer(msgspec.Struct, frozen=True):
    job_id: UUID | None
    matching: int
    changing: int
    capped: bool


def _ordered(body: bytes) -> Ordered:
    said = msgspec.json.decode(body, type=_Answer)
    return Ordered(said.job_id, Counted(said.matching, said.changing, said.capped))


def _body(order: Order) -> dict[str, Any]:
    """An order as the route takes it."""
    said = {"priority": order.priority, "reason": order.reason, "rate_per_minute": order.rate_per_minute}
    filter = {name: getattr(order.filter, name) for name in order.filter.asks_for}
    which = {"filter": msgspec.json.encode(filter).decode()} if filter else {}
    body = {"action": order.action, "filter": which, "all": not filter}
    return body | {name: value for name, value in said.items() if value is not None}


def _fingerprint(text: str) -> str:
    return quote(jsonguard.check_name(text, "a fingerprint"), safe="")


def _post(
    path: str, read: Callable[[bytes], T], body: Mapping[str, Any] | None = None, *, again: bool = False
) -> Ask[T]:
    return Ask(method="POST", path=path, read=read, body=msgspec.json.encode(body or {}), again=again)


def _reader(wanted: type[T]) -> Callable[[bytes], T]:
    return lambda body: msgspec.json.decode(body, type=wanted)


def _nothing(_body: bytes) -> None:
    return None
