"""Verbs on signals: what somebody outside says to a job under a name, and the addresses at which it may be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import callbacks, jsonguard
from jobtrail.core.errors import Conflict, Limited, NotFound
from jobtrail.core.model import Actor
from jobtrail.core.status import FINAL, ActorType, JobStatus
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

MOST_SIGNALS: Final = 1_000
MOST_BYTES: Final = 8 << 20
"""So many names are kept of a job, and so many bytes of what was said; for who looks at them gets them all."""
NOTE: Final = "signal"
"""Under which key the note of a wait says for which name the job waits."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What was said, by whom, and when."""

    payload: Any
    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """A signal with its name, as a list shows it."""

    name: str
    payload: Any
    actor_type: ActorType
    actor_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Signalled:
    """`is_new`: it is the first of its name; `resumed`: the job waited for it and is in its `queue` now."""

    is_new: bool
    resumed: bool
    queue: str


_AGAIN: Final = Signalled(is_new=False, resumed=False, queue="")
"""What is answered to one who says again what was said before, though the job or the time is over by now."""


@atomic
def signal(workspace: UUID, job_id: UUID, name: str, payload: bytes, actor: Actor) -> Steps[Signalled]:
    """Keeps a signal (`payload` is JSON that passed the door) for as long as the job; one that waits for it goes on.

    It may come before the job waits. The first signal of a name counts, another one changes nothing.
    Raises Invalid for a name that is none, NotFound, Conflict when the job has ended, and Limited when it has heard enough.
    """
    return (yield from _signalled(workspace, job_id, jsonguard.check_name(name, "name"), payload, actor))


def signalled(workspace: UUID, job_id: UUID, name: str) -> Query[Signal | None]:
    """What was said to a job under this name, or None."""
    return Query("reads/signalled", (workspace, job_id, name), _signal)


def listed(workspace: UUID, job_id: UUID) -> Query[list[Heard]]:
    """All that was said to a job, in its order."""
    return Query("reads/signals", (workspace, job_id), query.many_of(Heard))


def open_callback(
    workspace: UUID, job_id: UUID, attempt_id: UUID, name: str, secret: bytes, expires: timedelta
) -> Query[bytes | None]:
    """Opens an address of a running job under a name; answers the secret that signs it, the first one that was given.

    Opened again, it is the same address and good for `expires` from now. Answers None when the attempt is stale.
    """
    params = (workspace, job_id, attempt_id, name, secret, expires.total_seconds())
    return Query("verbs/open_callback", params, lambda rows: bytes(rows[0][0]) if rows else None)


@atomic
def call_back(token: str, payload: bytes) -> Steps[tuple[UUID, Signalled]]:
    """Signals with the token of an address instead of a login; answers whose it is. Needs a scope that sees all.

    Raises NotFound for a token that opens nothing, and Conflict when its time is over or the job has ended, Limited when
    the job has heard enough.
    """
    given = callbacks.parse(token)
    rows = yield from ask(Query("reads/callbacks", (given.workspace, given.job_id), query.rows))
    fitting = [row for row in rows if callbacks.fits(given, row[0], bytes(row[1]))]
    if not fitting:
        raise callbacks.unknown()
    name, _, expired = fitting[0]
    if expired:
        if (yield from ask(signalled(given.workspace, given.job_id, name))) is not None:
            return given.workspace, _AGAIN
        raise Conflict(f"the time for this callback of job {given.job_id} is over")
    actor = Actor(ActorType.SYSTEM, "callback")
    return given.workspace, (yield from _signalled(given.workspace, given.job_id, name, payload, actor))


def _signalled(workspace: UUID, job_id: UUID, name: str, payload: bytes, actor: Actor) -> Steps[Signalled]:
    held = yield from ask(Query("verbs/hold_job", (workspace, job_id), query.one))
    if held is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    if JobStatus(held[0]) in FINAL:
        if (yield from ask(signalled(workspace, job_id, name))) is not None:
            return _AGAIN
        raise Conflict(f"job {job_id} has ended already: it is {held[0]}")
    room = Query("reads/signal_room", (workspace, job_id, name, MOST_SIGNALS, MOST_BYTES), query.scalar)
    if not (yield from ask(room)):
        raise Limited(
            f"job {job_id} has heard enough: it keeps {MOST_SIGNALS} signals and {MOST_BYTES >> 20} MiB of them"
        )
    params = (workspace, job_id, name, payload.decode(), actor.type, actor.id)
    return Signalled(*(yield from ask(Query("verbs/signal", params, query.rows)))[0])


def _signal(rows: list[query.Row]) -> Signal | None:
    if not rows:
        return None
    payload, actor_type, actor_id, at = rows[0]
    said = None if payload is None else msgspec.json.decode(payload)
    return Signal(said, Actor(ActorType(actor_type), actor_id), at)
