"""Webhooks as words: what one is, what it may want, and the bytes that it is sent. Nothing is stored or sent here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.status import MOVES, DeliveryStatus

TYPE: Final = "jobtrail.webhook"
"""The type of the jobs that deliver; what happens to them is told to nobody."""
QUEUE: Final = "webhooks"
MOST_PATTERNS: Final = 100

EVENTS: Final = frozenset(move.event for move in MOVES)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of what. Its secret is answered once, when it is made, and never listed."""

    id: UUID
    url: str
    events: list[str]
    types: list[str]
    queues: list[str]
    description: str | None
    secret_before_until: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook, and how it went. `delivery_job_id`: the job that delivers it, with its own trail."""

    id: UUID
    webhook_id: UUID
    job_id: UUID
    seq: int
    event: str
    event_at: datetime
    status: DeliveryStatus
    delivery_job_id: UUID
    tries: int
    http_status: int | None
    error: str | None
    body_sha256: str | None
    created_at: datetime
    tried_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter:
    """What is to be sent, to whom, and with which secrets. Without `event` the event is past its retention."""

    delivery_id: UUID
    webhook_id: UUID
    url: str
    secrets: list[str] = field(repr=False)
    disabled_at: datetime | None
    delivery_status: DeliveryStatus
    job_id: UUID
    seq: int
    event: str | None
    at: datetime | None
    status: str | None
    type: str | None
    queue: str | None
    title: str | None
    attempt_id: UUID | None
    step_id: UUID | None
    actor_type: str | None
    actor_id: str | None
    payload: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """How one try went. `disable`: why the webhook is not to be called any more."""

    http_status: int | None
    error: str | None
    body_sha256: str | None
    delivered: bool = False
    disable: str | None = None


def check_events(wanted: Iterable[str]) -> tuple[str, ...]:
    """The events that a webhook is to be told of: names, `job.*` or `*`. Raises Invalid.

    >>> check_events(["job.completed", "gate.*"])
    ('job.completed', 'gate.*')
    """
    found = check_names(wanted, "events")
    if not found:
        raise _invalid("events", "name at least one event; * is all of them")
    for name in found:
        if name.endswith("*"):
            known = any(event.startswith(name[:-1]) for event in EVENTS) and (name == "*" or name.endswith(".*"))
        else:
            known = name in EVENTS
        if not known:
            close = get_close_matches(name, sorted(EVENTS), n=1)
            raise _invalid("events", f"there is no event {name!r}{f'; did you mean {close[0]}?' if close else ''}")
    return found


def check_names(wanted: Iterable[str], what: str) -> tuple[str, ...]:
    """Names of types or queues, each once. Raises Invalid."""
    found = tuple(dict.fromkeys(jsonguard.check_name(name, what) for name in wanted))
    if len(found) > MOST_PATTERNS:
        raise _invalid(what, f"at most {MOST_PATTERNS} are accepted")
    return found


def body(workspace: UUID, letter: Letter) -> bytes:
    """The JSON that is sent: the same bytes each time, unless the job's title changed in between."""
    data: dict[str, Any] = {
        "workspace_id": workspace,
        "job_id": letter.job_id,
        "seq": letter.seq,
        "status": letter.status,
        "type": letter.type,
        "queue": letter.queue,
        "title": letter.title,
        "attempt_id": letter.attempt_id,
        "step_id": letter.step_id,
        "actor": {"type": letter.actor_type, "id": letter.actor_id},
        "payload": None if letter.payload is None else msgspec.Raw(letter.payload.encode()),
    }
    return msgspec.json.encode({"type": letter.event, "timestamp": _time(letter.at), "data": data})


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _invalid(what: str, why: str) -> Invalid:
    return Invalid(f"{what}: {why}", fields={what: why})
