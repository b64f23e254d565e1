"""The audit: holds the whole trail against itself, against the rows that hang on it, the seals and the anchors.

What it cannot see: changes from before the first seal or anchor; changes of the last second, which no seal covers yet,
when the job's row and chain were rewritten to fit; a whole day older than retention that somebody dropped; a finished
job that somebody else than retention removed with a proper tombstone. Of a row it vouches for all columns of `jobs`, for
the outputs of results and steps, a step's key and status, and a file's name, size and digest, but not for attempts,
logs, usage, gates and metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Final, TypeAlias
from uuid import UUID

import msgspec

from jobtrail.core import audit as look
from jobtrail.core import chain, fold
from jobtrail.core.audit import Audit, JobLines, Kept, Kind, Report
from jobtrail.core.chain import Link, Seal
from jobtrail.core.errors import NotFound
from jobtrail.service import seals
from jobtrail.store import query
from jobtrail.store.query import Query, Row, Steps, ask, flow

JOBS: Final = 1_000
EVENTS: Final = 20_000
_SEALS: Final = 500
_BEFORE_ALL, _AFTER_ALL = -(2**63), 2**63 - 1
_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
Range: TypeAlias = tuple[UUID, UUID]
Place: TypeAlias = tuple[UUID, UUID]
Lines: TypeAlias = Callable[[Place, Range, int], Query[list[JobLines]]]


@flow
def verify(
    keys: Sequence[bytes] = (),
    *,
    workspace: UUID | None = None,
    anchored: Iterable[Seal] = (),
    droppable: datetime | None = None,
    jobs: int = JOBS,
) -> Steps[Report]:
    """Verifies the trail of a workspace, or of all, and reports what is not as it was recorded.

    `keys`: those that seals may be signed with; none leaves signatures unchecked. `anchored`: the seals that the anchor
    holds, in its order (`store.anchor.read_anchor`), read once. `droppable`: before when retention may have dropped
    days, if that is longer ago than a week. Memory stays flat: it goes by `jobs` jobs and by about 20 000 events.
    Run it as many short transactions (`store.piecewise.run_each`), for each statement stands for itself: as one long
    transaction it would make retention, and then everybody, wait.
    """
    within = (_LOWEST, _HIGHEST) if workspace is None else (workspace, workspace)
    audit = Audit(signatures=bool(keys))
    sealed_up_to = (yield from ask(start(droppable))).sealed_up_to
    yield from _jobs(audit, job_lines, within, droppable, jobs)
    yield from _jobs(audit, tombstone_lines, within, droppable, jobs)
    last = yield from _sealed(audit, within, droppable, keys)
    yield from _unsealed(audit, within, last, sealed_up_to)
    yield from _anchored(audit, (seal for seal in anchored if workspace in (None, seal.workspace_id)))
    return audit.report()


@flow
def verify_job(workspace: UUID, job_id: UUID) -> Steps[Report]:
    """Verifies the trail of one job: its chain, its moves, its row and what hangs on it. Seals are left to `verify`;
    `unsealed` tells how many of its events none covers yet. Raises NotFound where there is neither it nor its tombstone.
    """
    begun = yield from ask(start())
    within = (workspace, workspace)
    just_before = (workspace, UUID(int=max(job_id.int, 1) - 1))
    found: list[JobLines] = []
    for lines in (job_lines, tombstone_lines):
        found = found or [job for job in (yield from ask(lines(just_before, within, 1))) if job.job_id == str(job_id)]
    if not found:
        raise NotFound(f"there is no job {job_id} in this workspace, and no tombstone of one")
    audit = Audit(signatures=False)
    look.check_job(audit, found[0], begun.kept.since)
    audit.jobs, audit.tombstones = (1, 0) if found[0].row is not None else (0, 1)
    audit.unsealed = sum(event.txid > begun.sealed_up_to for event in found[0].trail)
    return audit.report()


@dataclass(frozen=True, slots=True)
class Start:
    """What an audit starts from: how far all is said to be sealed, the time, and which days are there."""

    sealed_up_to: int
    now: datetime
    kept: Kept


def start(droppable: datetime | None = None) -> Query[Start]:
    """What to start from; `droppable` as in `verify`."""

    def read(rows: list[Row]) -> Start:
        sealed_up_to, now, parts = rows[0]
        soonest = now - look.SOONEST_DROP
        return Start(sealed_up_to, now, Kept(look.names(parts or ()), min(soonest, droppable or soonest)))

    return Query("reads/audit_start", (), read)


def job_lines(at: Place, within: Range, limit: int) -> Query[list[JobLines]]:
    """Jobs after a place in the order of (workspace, id), with all that their trail vouches for."""
    return Query("reads/audit_jobs", (*within, *at, limit), _lines)


def tombstone_lines(at: Place, within: Range, limit: int) -> Query[list[JobLines]]:
    """The same for jobs that retention removed: their tombstones and events."""
    return Query("reads/audit_tombstones", (*within, *at, limit), _lines)


def leaves(low: UUID, high: UUID, after: int, end: int) -> Query[dict[UUID, dict[str, list[bytes]]]]:
    """The records of events of transactions in (after, end], in order, by workspace and part."""
    return Query("reads/leaves", (low, high, after, end), _records)


def last_of(found: Sequence[JobLines]) -> Place:
    """The place of the last of these jobs."""
    return max((UUID(job.workspace_id), UUID(job.job_id)) for job in found)


def _jobs(audit: Audit, lines: Lines, within: Range, droppable: datetime | None, limit: int) -> Steps[None]:
    at = (_LOWEST, _LOWEST)
    while found := (yield from ask(lines(at, within, limit))):
        since = (yield from ask(start(droppable))).kept.since
        for job in found:
            look.check_job(audit, job, since)
        audit.jobs += sum(job.row is not None for job in found)
        audit.tombstones += sum(job.row is None for job in found)
        at = last_of(found)


def _sealed(audit: Audit, within: Range, droppable: datetime | None, keys: Sequence[bytes]) -> Steps[int]:
    """Goes through seals and events in the order of transactions; answers the last one that a seal covers."""
    after, heads, waiting, more = _BEFORE_ALL, dict[UUID, Seal](), list[Seal](), True
    at = (_BEFORE_ALL, _LOWEST)
    while more:
        found = yield from ask(seals.in_order(*within, *at, _SEALS))
        more = len(found) == _SEALS
        waiting += found
        if found:
            at = (found[-1].up_to_txid, found[-1].workspace_id)
        # The last seals may have neighbours of the same transaction that were not read yet.
        ready = [seal for seal in waiting if not more or seal.up_to_txid < at[0]]
        waiting = waiting[len(ready) :]
        for window in _windows(ready):
            end = window[-1].up_to_txid
            there = yield from ask(leaves(*within, after, end))
            kept = (yield from ask(start(droppable))).kept
            _check_window(audit, window, there, heads, keys, kept)
            yield from _strays(audit, within, after, end)
            after = end
    return after


def _windows(ready: Sequence[Seal]) -> Iterator[list[Seal]]:
    """Seals in runs of about 20 000 events, never parting those that end with the same transaction."""
    window: list[Seal] = []
    events = 0
    for _, together in groupby(ready, key=lambda seal: seal.up_to_txid):
        group = list(together)
        if window and events + sum(seal.events for seal in group) > EVENTS:
            yield window
            window, events = [], 0
        window += group
        events += sum(seal.events for seal in group)
    if window:
        yield window


def _check_window(
    audit: Audit,
    window: Sequence[Seal],
    there: dict[UUID, dict[str, list[bytes]]],
    heads: dict[UUID, Seal],
    keys: Sequence[bytes],
    kept: Kept,
) -> None:
    for workspace, together in groupby(sorted(window, key=_by_workspace), key=lambda seal: seal.workspace_id):
        mine = list(together)
        for seal in mine:
            look.check_link(audit, seal, heads.get(workspace))
            look.check_seal(audit, seal, keys)
            heads[workspace] = seal
        covered, left = look.split(mine, there.pop(workspace, {}))
        for seal, records in covered:
            look.check_roots(audit, seal, records, kept)
        _uncovered(audit, workspace, left)
    for workspace, parts in there.items():
        _uncovered(audit, workspace, [record for records in parts.values() for record in records])


def _uncovered(audit: Audit, workspace: UUID, left: Sequence[bytes]) -> None:
    if left:
        _, job, seq, _ = chain.parted(left[0])
        message = f"no seal covers {len(left)} events that lie before a seal; the first is event {seq} of job {job}"
        audit.found(Kind.UNCOVERED, message, workspace, str(job), seq)


def _strays(audit: Audit, within: Range, after: int, end: int) -> Steps[None]:
    for workspace, job, seq in (yield from ask(Query("reads/audit_strays", (*within, after, end), query.rows))):
        message = f"event {seq} belongs to no job: there is none, or it ended before"
        audit.found(Kind.STRAY, message, workspace, job, seq)


def _unsealed(audit: Audit, within: Range, after: int, sealed_up_to: int) -> Steps[None]:
    rows = yield from ask(Query("reads/audit_unsealed", (*within, after, sealed_up_to), query.rows))
    for workspace, events, overlooked, ahead in rows:
        audit.unsealed += events
        if overlooked:
            message = f"{overlooked} events are not sealed, though the sealer has passed them"
            audit.found(Kind.UNCOVERED, message, workspace)
        if ahead:
            audit.found(Kind.UNCOVERED, f"{ahead} events name transactions that have not begun yet", workspace)
    yield from _strays(audit, within, after, _AFTER_ALL)


def _anchored(audit: Audit, anchored: Iterable[Seal]) -> Steps[None]:
    """Each anchored seal must be there as it was; the end of the anchor is where a cut of the seals would show."""
    rest = iter(anchored)
    while chunk := list(islice(rest, _SEALS)):
        there = yield from ask(seals.numbered([(seal.workspace_id, seal.number) for seal in chunk]))
        for seal in chunk:
            audit.anchored += 1
            found = there.get((seal.workspace_id, seal.number))
            if found is None:
                audit.found(Kind.ANCHOR, f"seal {seal.number} is anchored, but is missing here", seal.workspace_id)
            elif found != seal:
                audit.found(Kind.ANCHOR, f"seal {seal.number} is not the one that was anchored", seal.workspace_id)


def _lines(rows: list[Row]) -> list[JobLines]:
    jobs: dict[tuple[str, str], JobLines] = {}
    others = []
    for row in rows:
        if row[13] in ("job", "tombstone"):
            said = msgspec.json.decode(row[10])
            jobs[row[0], row[1]] = _begun(row, said)
        else:
            others.append(row)
    for row in others:
        job = jobs[row[0], row[1]]
        match row[13]:
            case "event":
                job.trail.append(Link._make(row[:13]))
            case "result":
                job.results.append(msgspec.json.decode(row[10]))
            case "step":
                job.steps.append(msgspec.json.decode(row[10]))
            case "asset":
                job.assets.append(msgspec.json.decode(row[10]))
    return list(jobs.values())


def _begun(row: Row, said: dict[str, Any]) -> JobLines:
    first_at, last_at = fold.microseconds(row[3][:8]), fold.microseconds(row[3][8:])
    if row[13] == "job":
        return JobLines(row[0], row[1], row[2], row[11], first_at, last_at, said)
    removed_at = fold.instant(said["removed_at"])
    return JobLines(
        row[0], row[1], row[2], row[11], first_at, last_at, None,
        removed_at=removed_at if isinstance(removed_at, int) else None, alive=said["alive"],
    )  # fmt: skip


def _records(rows: list[Row]) -> dict[UUID, dict[str, list[bytes]]]:
    there: dict[UUID, dict[str, list[bytes]]] = {}
    for workspace, part, joined in rows:
        there.setdefault(workspace, {})[part] = chain.records(joined)
    return there


def _by_workspace(seal: Seal) -> tuple[UUID, int]:
    return seal.workspace_id, seal.up_to_txid
