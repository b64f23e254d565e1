"""What an audit looks at and what it finds: checks of one job and of one seal, as pure functions. No I/O, no clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from jobtrail.core import chain, fold
from jobtrail.core.chain import Link, Part, Seal
from jobtrail.core.status import StepStatus

SHOWN: Final = 1_000
SOONEST_DROP: Final = timedelta(days=7)
"""`jobtrail.drop_partitions` leaves at least a week; a younger day that is gone was not dropped by rule."""


class Kind(StrEnum):
    """What sort of thing is wrong."""

    HASH = "hash"
    GAP = "gap"
    HEAD = "head"
    MOVE = "move"
    ROW = "row"
    RESULT = "result"
    STEP = "step"
    ASSET = "asset"
    STRAY = "stray"
    TOMBSTONE = "tombstone"
    SEAL = "seal"
    UNCOVERED = "uncovered"
    ANCHOR = "anchor"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was recorded, in a sentence that names it."""

    kind: Kind
    workspace: UUID | None
    job_id: UUID | None
    seq: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit looked at and found. `expired` are seals of which retention has dropped days; their events can no
    longer be held against them. `unsealed` events lie after the last seal: only their own chain vouches for them.
    """

    jobs: int = 0
    tombstones: int = 0
    events: int = 0
    seals: int = 0
    expired: int = 0
    anchored: int = 0
    unsealed: int = 0
    signatures: bool = True
    findings: tuple[Finding, ...] = ()
    more: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(slots=True)
class Audit:
    """Counts and findings while an audit goes on; keeps the first thousand findings and counts the others."""

    jobs: int = 0
    tombstones: int = 0
    events: int = 0
    seals: int = 0
    expired: int = 0
    anchored: int = 0
    unsealed: int = 0
    signatures: bool = True
    findings: list[Finding] = field(default_factory=list)
    more: int = 0

    def found(
        self, kind: Kind, message: str, workspace: UUID | str | None, job: str | None = None, seq: int | None = None
    ) -> None:
        """Notes something that is wrong."""
        if len(self.findings) >= SHOWN:
            self.more += 1
            return
        tenant = UUID(workspace) if isinstance(workspace, str) else workspace
        self.findings.append(Finding(kind, tenant, None if job is None else UUID(job), seq, message))

    def report(self) -> Report:
        """What came of it."""
        return Report(
            self.jobs, self.tombstones, self.events, self.seals, self.expired, self.anchored, self.unsealed,
            self.signatures, tuple(self.findings), self.more,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kept:
    """Which days of the trail are still there. Of a part that is not among them, events may be gone by rule.

    Its limit: whoever may drop a table may drop a whole day that is older than a week (or than `droppable`, when the
    audit knows the retention), and this looks like retention. The roots of such days stay in the seals and anchors.
    """

    parts: frozenset[str]
    droppable: datetime

    @property
    def since(self) -> int:
        """Microseconds since 2000 before which events may be gone by rule."""
        days = [day for day in map(_day, self.parts) if day is not None]
        oldest = min([*days, self.droppable])
        return fold.since_epoch(oldest)

    def may_lack(self, part: str) -> bool:
        """Whether the part was dropped by rule."""
        day = _day(part)
        return day is not None and part not in self.parts and day + timedelta(days=1) <= self.droppable


@dataclass(slots=True)
class JobLines:
    """A job, or what is left of it, with all that its trail vouches for. `row` is None when retention removed the job."""

    workspace_id: str
    job_id: str
    version: int
    head: bytes | None
    first_at: int
    last_at: int
    row: dict[str, Any] | None
    trail: list[Link] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    assets: list[dict[str, Any]] = field(default_factory=list)
    removed_at: int | None = None
    alive: bool = False


_DAY: Final = 86_400_000_000
_SEQ: Final = attrgetter("seq")


def check_job(audit: Audit, job: JobLines, since: int) -> None:
    """Chain, numbering, head, fold and digests of one job. Before `since`, events may be gone by rule."""
    job.trail.sort(key=_SEQ)
    audit.events += len(job.trail)
    complete = _check_chain(audit, job, since)
    if not complete:
        return
    last_gap = next((i for i in range(len(job.trail) - 1, 0, -1) if job.trail[i].seq != job.trail[i - 1].seq + 1), 0)
    folded = fold.fold(job.trail[last_gap:])
    for seq, message in folded.wrong:
        audit.found(Kind.MOVE, f"event {seq}: {message}", job.workspace_id, job.job_id, seq)
    if job.row is None:
        _check_removed(audit, job, folded)
        return
    for column in fold.differences(folded, job.row):
        message = f"{column} is {job.row.get(column)!r}, which its events do not say"
        audit.found(Kind.ROW, message, job.workspace_id, job.job_id, job.version)
    whole = job.trail[last_gap].seq == 1
    _check_results(audit, job, folded, whole=whole)
    _check_steps(audit, job, folded, whole=whole)
    _check_assets(audit, job, folded, whole=whole)


def _check_chain(audit: Audit, job: JobLines, since: int) -> bool:
    """Walks the chain; answers whether what is there can be folded: it ends where the job does, without a hole."""
    previous: bytes | None = b""
    expected, before, whole = 1, job.first_at, True
    for event in job.trail:
        at = fold.microseconds(event.at)
        if event.seq != expected:
            if event.seq > expected and before < since <= at:
                previous = None
            else:
                what = f"event {expected} is missing" if event.seq > expected else f"event {event.seq} is there twice"
                audit.found(Kind.GAP, what, job.workspace_id, job.job_id, min(expected, event.seq))
                previous, whole = None, False
        if previous is not None and chain.link(previous, event) != event.hash:
            message = f"event {event.seq} is not the one that was written: its hash does not follow"
            audit.found(Kind.HASH, message, job.workspace_id, job.job_id, event.seq)
        previous, expected, before = event.hash, event.seq + 1, at
    there = expected - 1
    if there < job.version:
        if before < since and job.last_at < since:
            return False
        message = f"events {there + 1} to {job.version} are missing" if there else "it has no events at all"
        audit.found(Kind.GAP, message, job.workspace_id, job.job_id, there + 1)
        return False
    if there > job.version:
        message = f"the trail goes on to {there}, the job ends at {job.version}"
        audit.found(Kind.GAP, message, job.workspace_id, job.job_id, job.version)
        return False
    if previous is not None and previous != job.head:
        audit.found(Kind.HEAD, "the last event is not the head of its chain", job.workspace_id, job.job_id, there)
    return whole and bool(job.trail)


def _check_removed(audit: Audit, job: JobLines, folded: fold.Folded) -> None:
    """Retention removes finished jobs only, and none that ended less than a day ago."""
    last = job.trail[-1]
    ended = folded.row.get("completed_at", job.first_at)
    if job.alive:
        audit.found(Kind.TOMBSTONE, "it has a tombstone, but is there", job.workspace_id, job.job_id)
    if ended is None:
        message = f"it was removed although it had not ended: it was {last.status}"
        audit.found(Kind.TOMBSTONE, message, job.workspace_id, job.job_id, last.seq)
    elif job.removed_at is None or job.removed_at - ended < _DAY:
        message = "it was removed less than a day after it ended, which retention never does"
        audit.found(Kind.TOMBSTONE, message, job.workspace_id, job.job_id, last.seq)
    if fold.microseconds(last.at) != job.last_at or folded.row.get("created_at", job.first_at) != job.first_at:
        message = "its tombstone names other times than its events"
        audit.found(Kind.TOMBSTONE, message, job.workspace_id, job.job_id, last.seq)


def _by(key: str, audit: Audit, kind: Kind, job: JobLines, rows: Sequence[dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    there = {row[key]: row for row in rows}
    if len(there) < len(rows):
        audit.found(kind, f"of {len(rows)} rows, some have the same {key}", job.workspace_id, job.job_id)
    return there


def _check_results(audit: Audit, job: JobLines, folded: fold.Folded, *, whole: bool) -> None:
    there = _by("generation", audit, Kind.RESULT, job, job.results)
    for generation, (type, sha256) in folded.results.items():
        result = there.pop(generation, None)
        if result is None:
            if type == "job.completed" or sha256 is not None:
                audit.found(Kind.RESULT, f"the result of run {generation} is missing", job.workspace_id, job.job_id)
        elif result["output_sha256"] != sha256:
            audit.found(Kind.RESULT, f"the result of run {generation} was changed", job.workspace_id, job.job_id)
    for generation in there if whole else ():
        message = f"there is a result of run {generation}, which its events do not know"
        audit.found(Kind.RESULT, message, job.workspace_id, job.job_id)


def _check_steps(audit: Audit, job: JobLines, folded: fold.Folded, *, whole: bool) -> None:
    there = _by("id", audit, Kind.STEP, job, job.steps)
    for id, said in folded.steps.items():
        step = there.pop(id, None)
        if step is None:
            audit.found(Kind.STEP, f"step {id} is missing", job.workspace_id, job.job_id)
            continue
        statuses = (said.status,) if said.status else (StepStatus.RUNNING, StepStatus.FAILED)
        if step["output_sha256"] != said.output_sha256:
            audit.found(Kind.STEP, f"the output of step {id} was changed", job.workspace_id, job.job_id)
        if step["status"] not in statuses or (said.key is not None and step["key"] != said.key):
            message = f"step {id} is {step['key']!r} {step['status']}, which its events do not say"
            audit.found(Kind.STEP, message, job.workspace_id, job.job_id)
    for id in there if whole else ():
        audit.found(Kind.STEP, f"there is a step {id}, which its events do not know", job.workspace_id, job.job_id)


def _check_assets(audit: Audit, job: JobLines, folded: fold.Folded, *, whole: bool) -> None:
    there = _by("id", audit, Kind.ASSET, job, job.assets)
    for id, said in folded.assets.items():
        asset = there.pop(id, None)
        if asset is None:
            audit.found(Kind.ASSET, f"file {id} is missing", job.workspace_id, job.job_id)
        elif any(asset[what] != said.get(what) for what in ("name", "byte_size", "sha256")):
            audit.found(Kind.ASSET, f"file {id} was changed", job.workspace_id, job.job_id)
    for id in there if whole else ():
        audit.found(Kind.ASSET, f"there is a file {id}, which its events do not know", job.workspace_id, job.job_id)


def check_link(audit: Audit, seal: Seal, before: Seal | None) -> None:
    """One seal against the one before: number, link and range."""
    number = 1 if before is None else before.number + 1
    name = f"seal {seal.number}"
    if seal.number != number:
        audit.found(Kind.SEAL, f"seal {number} is missing: {name} follows", seal.workspace_id)
    elif seal.previous != (b"" if before is None else chain.digest(before)):
        audit.found(Kind.SEAL, f"{name} does not follow the one before", seal.workspace_id)
    if seal.after_txid != (0 if before is None else before.up_to_txid) or seal.up_to_txid <= seal.after_txid:
        audit.found(Kind.SEAL, f"{name} does not begin where the one before ends", seal.workspace_id)


def check_seal(audit: Audit, seal: Seal, keys: Collection[bytes]) -> None:
    """One seal by itself: its signature, and the root over its parts."""
    audit.seals += 1
    name = f"seal {seal.number}"
    if seal.root != chain.root_of_parts(seal.parts) or seal.events != sum(part.events for part in seal.parts):
        audit.found(Kind.SEAL, f"the root of {name} is not the root of its parts", seal.workspace_id)
    if keys and not chain.is_signed(seal, keys):
        audit.found(Kind.SEAL, f"{name} is not signed with the key", seal.workspace_id)


def check_roots(audit: Audit, seal: Seal, there: dict[str, list[bytes]], kept: Kept) -> None:
    """Holds the events of a seal, as records in order by part, against its roots."""
    expired = False
    for part in seal.parts:
        leaves = [chain.leaf(one) for one in there.get(part.name, ())]
        if not leaves and kept.may_lack(part.name):
            expired = True
        elif len(leaves) != part.events:
            message = f"seal {seal.number} covers {part.events} events of {part.name}; {len(leaves)} are there"
            audit.found(Kind.SEAL, message, seal.workspace_id)
        elif chain.root(leaves) != part.root:
            message = f"the events of {part.name} under seal {seal.number} are not those that were sealed"
            audit.found(Kind.SEAL, message, seal.workspace_id)
    known = {part.name for part in seal.parts}
    for name, records in there.items():
        if records and name not in known:
            message = f"seal {seal.number} covers no events of {name}; {len(records)} are there"
            audit.found(Kind.SEAL, message, seal.workspace_id)
    audit.expired += expired


def split(
    seals: Sequence[Seal], there: dict[str, list[bytes]]
) -> tuple[list[tuple[Seal, dict[str, list[bytes]]]], list[bytes]]:
    """Which records of a workspace each seal covers, and those that none does. Seals and records are in order."""
    covered: list[tuple[Seal, dict[str, list[bytes]]]] = [(seal, {}) for seal in seals]
    left: list[bytes] = []
    for name, records in there.items():
        at = 0
        for seal, mine in covered:
            begin = max(at, bisect_right(records, chain.after(seal.after_txid)))
            end = max(begin, bisect_right(records, chain.after(seal.up_to_txid)))
            left += records[at:begin]
            if end > begin:
                mine[name] = records[begin:end]
            at = end
        left += records[at:]
    return covered, left


def sealed(
    before: Seal | None, workspace: UUID, up_to_txid: int, there: dict[str, list[bytes]], times: tuple[str, str, str]
) -> Seal:
    """The next seal of a workspace, unsigned, over records in order by part; `times`: first and last event, now."""
    parts = tuple(
        Part(name, len(records), chain.root([chain.leaf(one) for one in records]))
        for name, records in sorted(there.items())
    )
    return Seal(
        workspace_id=workspace,
        number=1 if before is None else before.number + 1,
        after_txid=0 if before is None else before.up_to_txid,
        up_to_txid=up_to_txid,
        first_at=times[0],
        last_at=times[1],
        events=sum(part.events for part in parts),
        parts=parts,
        root=chain.root_of_parts(parts),
        previous=b"" if before is None else chain.digest(before),
        sealed_at=times[2],
    )


def names(parts: Iterable[str]) -> frozenset[str]:
    """The parts that tables stand for: `events_20260131` is `20260131`."""
    return frozenset(part.removeprefix("events_") for part in parts)


def _day(part: str) -> datetime | None:
    try:
        return datetime.strptime(part, "%Y%m%d").replace(tzinfo=UTC) if len(part) == 8 else None
    except ValueError:
        return None
