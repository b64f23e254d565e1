"""Reading the trail of a job, and what a runner tells in it. All other events the database writes with the change itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid
from jobtrail.core.fence import Fence
from jobtrail.core.model import Event
from jobtrail.core.status import TOLD
from jobtrail.store import query
from jobtrail.store.query import Query

NOTE_BYTES: Final = 16 << 10
"""A longer note is kept as the beginning of its text, under `cut`."""


def events(workspace: UUID, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> Query[list[Event]]:
    """Events of a job whose seq is above `after`, in order."""
    return Query("reads/events", (workspace, job_id, after, limit), query.many_of(Event))


def before(
    workspace: UUID, job_id: UUID, seq: int, *, kinds: Collection[str] = (), limit: int = 200
) -> Query[list[Event]]:
    """The last events of a job below a seq, in order; of some kinds only (`step`, `gate`), if they are named."""
    params = (workspace, job_id, seq, _named(kinds), limit)
    read = query.many_of(Event)
    return Query("reads/events_before", params, lambda rows: read(rows)[::-1])


def between(
    workspace: UUID, job_id: UUID, after: int, seq: int, *, kinds: Collection[str] = (), limit: int = 200
) -> Query[list[Event]]:
    """The first events of a job above a seq and below another, in order; of some kinds only, if they are named."""
    params = (workspace, job_id, after, _named(kinds), limit, seq)
    return Query("reads/events_after", params, query.many_of(Event))


def _named(kinds: Collection[str]) -> list[str] | None:
    return list(kinds) or None


def tell(fence: Fence, event: str, note: str, step_id: UUID | None = None) -> Query[int | None]:
    """Writes an event of a running attempt; answers the job's version, None when the attempt is stale.

    `note` is of `note_of`. Raises Invalid for an event that is not a runner's to tell.
    """
    if event not in TOLD:
        raise Invalid(f"no runner tells {event!r}; it may tell {', '.join(sorted(TOLD))}", fields={"event": "not told"})
    return Query("verbs/tell", (*fence.named, event, note, step_id, str(fence.worker_id)), query.scalar)


def note_of(said: Mapping[str, Any], event: str = "") -> str:
    """What goes with an event, as JSON that can be stored: cleaned, and cut if it is too long.

    A gate that is told is marked so, for it is not the end of a step, which the database tells itself.
    """
    raw, _ = jsonguard.clean_value({**said, "told": True} if event.startswith("gate.") else dict(said))
    if len(raw) <= NOTE_BYTES:
        return raw.decode()
    cut = {"cut": jsonguard.clean_text(raw, max_bytes=NOTE_BYTES // 2)}
    return msgspec.json.encode({**cut, "told": True} if event.startswith("gate.") else cut).decode()
