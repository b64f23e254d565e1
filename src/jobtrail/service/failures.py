"""Errors in groups: which failures are alike, since when, how many. Who acts on a group acts on `error:<fingerprint>`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from jobtrail.core.errors import Conflict, NotFound
from jobtrail.core.figures import ErrorGroup, ErrorGroups
from jobtrail.core.model import Actor
from jobtrail.core.status import ErrorStatus
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

LOOKED_AT: Final = 10_000
"""So many of the newest failed jobs are put into groups."""
LISTED: Final = 200
_PARTS: Final = 24
_NEW: Final = timedelta(days=1)
_INFRASTRUCTURE: Final = frozenset({"lost", "quarantined"})


def groups(
    workspace: UUID, since: datetime | None = None, *, looked_at: int = LOOKED_AT, limit: int = LISTED
) -> Query[ErrorGroups]:
    """The groups of what failed since then (None: ever), among the newest `looked_at` failed jobs."""
    return Query("reads/failures", (workspace, looked_at, since, None, limit), _groups)


@flow
def group(
    workspace: UUID, fingerprint: str, since: datetime | None = None, *, looked_at: int = LOOKED_AT
) -> Steps[ErrorGroups]:
    """One group, as `groups` has it. Raises NotFound when no failed job that is looked at has this fingerprint."""
    found = yield from ask(Query("reads/failures", (workspace, looked_at, since, fingerprint, 1), _groups))
    if not found.items:
        when = "" if since is None else f" since {since.isoformat(timespec='seconds')}"
        raise NotFound(
            f"there is no error {fingerprint} among the newest {found.looked_at} failed jobs of this workspace{when}"
        )
    return found


@flow
def mark(workspace: UUID, fingerprint: str, status: ErrorStatus, actor: Actor, note: str | None = None) -> Steps[None]:
    """Says of an error that people know of it, or that it is mended, with a note; it is recorded. Raises NotFound."""
    yield from group(workspace, fingerprint).begin()
    params = (workspace, fingerprint, status, note, actor.type, actor.id)
    yield from ask(Query("verbs/mark_error", params, query.nothing))


@flow
def unmark(workspace: UUID, fingerprint: str, actor: Actor) -> Steps[None]:
    """Takes back what was said of an error, and records it. Raises Conflict when nothing was."""
    params = (workspace, fingerprint, actor.type, actor.id)
    if (yield from ask(Query("verbs/unmark_error", params, query.one))) is None:
        raise Conflict(f"error {fingerprint} is neither muted nor resolved")


def _groups(rows: list[query.Row]) -> ErrorGroups:
    looked_at, made_since, since, until, count, *_ = rows[0]
    new_since = _new_since(made_since, until)
    items = [_group(row[5:], new_since) for row in rows if row[5] is not None]
    return ErrorGroups(items, count or 0, looked_at, made_since, since, until, new_since)


def _new_since(made_since: datetime | None, until: datetime) -> datetime:
    """A day ago; where failures were not looked at that far back, in the middle of how far: before it others were seen."""
    if made_since is None:
        return until - _NEW
    return max(until - _NEW, made_since + (until - made_since) / 2)


def _group(row: query.Row, new_since: datetime) -> ErrorGroup:
    fingerprint, code, message, types, jobs, first_at, last_at, trend, job_ids, marked, note, by, at = row
    back = marked == ErrorStatus.RESOLVED and last_at > at
    state = "OPEN" if marked is None else "BACK" if back else str(marked)
    return ErrorGroup(
        fingerprint=fingerprint,
        error_code=code,
        message=message,
        types=dict(sorted(types.items(), key=lambda one: (-one[1], one[0]))),
        jobs=jobs,
        first_at=first_at,
        last_at=last_at,
        trend=[trend.get(str(part), 0) for part in range(_PARTS)],
        job_ids=list(job_ids),
        is_new=back or (marked is None and first_at >= new_since),
        infrastructure=code in _INFRASTRUCTURE,
        state=state,
        note=note,
        marked_by=by,
        marked_at=at,
    )
