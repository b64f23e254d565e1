"""The trail as lines of JSON that anybody can verify without the database, and the function that does so. No I/O.

A file is a header, seals, jobs each followed by their events, and an end. The export of a workspace has all its seals
and events; that of one job proves each event by its way up to the root of its seal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypedDict
from uuid import UUID

import msgspec

from jobtrail.core import audit as look
from jobtrail.core import chain, fold
from jobtrail.core.audit import Audit, JobLines, Kept, Kind, Report
from jobtrail.core.chain import Link, Seal

FORMAT: Final = "jobtrail-trail-1"
HASHING: Final = (
    "hash = sha256(hash of the event before, at in microseconds since 2000-01-01 as 8 bytes big-endian, then "
    "workspace_id|job_id|seq|type|status|attempt_id|step_id|actor_type|bytes of actor_id or -1|actor_id|payload)"
)


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="line", tag=str.lower):
    """A line; its sort is the name of the class."""


class Header(_Line, frozen=True):
    """The first line: what it is, of when, and which days were there."""

    format: str
    workspace_id: UUID
    job_id: UUID | None
    at: datetime
    parts: list[str]
    droppable: datetime
    hashing: str


class SealedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a seal."""

    name: str
    events: int
    root: str


class Seals(_Line, frozen=True, tag="seal"):
    """A seal, with hexadecimal digests."""

    workspace_id: UUID
    number: int
    after_txid: int
    up_to_txid: int
    first_at: str
    last_at: str
    events: int
    parts: list[SealedPart]
    root: str
    previous: str
    sealed_at: str
    signature: str


class ResultSaid(TypedDict):
    """The digest of a result."""

    generation: int
    output_sha256: str | None


class StepSaid(TypedDict):
    """A step, with the digest of its output."""

    id: str
    key: str
    status: str
    output_sha256: str | None


class AssetSaid(TypedDict):
    """A file."""

    id: str
    name: str
    byte_size: int
    sha256: str


class Job(_Line, frozen=True):
    """A job as it stands; `row` is null when retention removed it."""

    workspace_id: UUID
    job_id: UUID
    version: int
    trail_hash: str | None
    first_at: int
    last_at: int
    removed_at: int | None
    alive: bool
    row: dict[str, Any] | None
    results: list[ResultSaid]
    steps: list[StepSaid]
    assets: list[AssetSaid]


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way of one event up to the root of its part of a seal."""

    seal: int
    part: str
    index: int
    path: list[str]


class Event(_Line, frozen=True):
    """An event; the payload stays the text that was hashed, `at` is in microseconds since 2000."""

    workspace_id: UUID
    job_id: UUID
    seq: int
    at: int
    type: str
    status: str
    attempt_id: str | None
    step_id: str | None
    actor_type: str
    actor_id: str | None
    payload: str | None
    hash: str
    txid: int
    proof: Proof | None = None


class End(_Line, frozen=True):
    """The last line: without it, or with other numbers, the file was cut."""

    jobs: int
    events: int
    seals: int


_DECODER: Final = msgspec.json.Decoder(Header | Seals | Job | Event | End)


def header(workspace: UUID, job_id: UUID | None, kept: Kept, at: datetime) -> str:
    """The first line."""
    return _text(Header(FORMAT, workspace, job_id, at.astimezone(UTC), sorted(kept.parts), kept.droppable, HASHING))


def seal_line(seal: Seal) -> str:
    """The line of a seal."""
    return _text(msgspec.convert({"line": "seal", **chain.seal_to_json(seal)}, Seals))


def job_line(job: JobLines) -> str:
    """The line of a job."""
    said = {name: getattr(job, name) for name in Job.__struct_fields__ if name != "trail_hash"}
    said["trail_hash"] = None if job.head is None else job.head.hex()
    return _text(msgspec.convert({"line": "job", **said}, Job))


def event_line(event: Link, proof: Proof | None = None) -> str:
    """The line of an event."""
    said = {**event._asdict(), "at": fold.microseconds(event.at), "hash": event.hash.hex()}
    return _text(Event(**said, proof=proof))


def end_line(jobs: int, events: int, seals: int) -> str:
    """The last line."""
    return _text(End(jobs, events, seals))


def verify_export(lines: Iterable[str], keys: Sequence[bytes] = (), anchored: Iterable[Seal] = ()) -> Report:
    """Verifies an export with nothing but the export itself, the key if one is at hand, and the anchor if there is one.

    Without the key, seals are checked for everything but their signatures. Keeps 200 bytes an event in memory. What the
    header says of days that are gone is taken on trust.
    """
    reader = _Reader(Audit(signatures=bool(keys)), tuple(keys))
    for number, text in enumerate(lines, 1):
        try:
            reader.read(_DECODER.decode(text))
        except (msgspec.MsgspecError, KeyError, ValueError, OverflowError) as error:
            reader.wrong(f"line {number} cannot be read: {error}")
    reader.finish(anchored)
    return reader.audit.report()


@dataclass(slots=True)
class _Reader:
    """What was read of an export so far."""

    audit: Audit
    keys: tuple[bytes, ...]
    about: Header | None = None
    kept: Kept = field(default_factory=lambda: Kept(frozenset(), datetime.min.replace(tzinfo=UTC)))
    seals: dict[int, Seal] = field(default_factory=dict)
    job: JobLines | None = None
    done: set[str] = field(default_factory=set)
    records: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    jobs: int = 0
    events: int = 0
    end: End | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the export of a workspace."""
        return self.about is not None and self.about.job_id is None

    def wrong(self, message: str) -> None:
        self.audit.found(Kind.EXPORT, message, None if self.about is None else self.about.workspace_id)

    def read(self, line: Header | Seals | Job | Event | End) -> None:
        if self.end is not None or (self.about is None) != isinstance(line, Header):
            self.wrong(f"a line of the sort {type(line).__name__.lower()} stands where none may be")
            return
        match line:
            case Header():
                self.begin(line)
            case Seals():
                self.add_seal(chain.seal_from_json(msgspec.to_builtins(line)))
            case Job():
                self.close_job()
                self.jobs += 1
                self.job = self.begun(line)
            case Event():
                self.events += 1
                self.add_event(line)
            case End():
                self.end = line
                if (line.jobs, line.events, line.seals) != (self.jobs, self.events, len(self.seals)):
                    self.wrong(
                        f"it has {self.jobs} jobs, {self.events} events and {len(self.seals)} seals; its end says {line}"
                    )

    def begin(self, line: Header) -> None:
        if line.format != FORMAT:
            self.wrong(f"this is {line.format!r}, not {FORMAT!r}")
        self.kept = Kept(frozenset(line.parts), line.droppable)
        self.about = line

    def add_seal(self, seal: Seal) -> None:
        if self.about is None or seal.workspace_id != self.about.workspace_id:
            self.wrong(f"seal {seal.number} is of another workspace")
        if self.jobs or (self.seals and seal.number <= max(self.seals)):
            self.wrong(f"seal {seal.number} stands behind jobs or a later seal")
        if self.whole:
            look.check_link(self.audit, seal, self.seals[max(self.seals)] if self.seals else None)
        look.check_seal(self.audit, seal, self.keys)
        self.seals[seal.number] = seal

    def begun(self, line: Job) -> JobLines:
        if self.about is None or line.workspace_id != self.about.workspace_id:
            self.wrong(f"job {line.job_id} is of another workspace")
        said = msgspec.to_builtins(line)
        head = said.pop("trail_hash")
        said.pop("line")
        return JobLines(head=None if head is None else bytes.fromhex(head), **said)

    def add_event(self, line: Event) -> None:
        said = msgspec.to_builtins(line)
        at, hash = line.at.to_bytes(8, "big", signed=True), bytes.fromhex(line.hash)
        event = Link(**{name: said[name] for name in Link._fields if name not in ("at", "hash")}, at=at, hash=hash)
        if self.job is None or (event.job_id, event.workspace_id) != (self.job.job_id, self.job.workspace_id):
            self.wrong(f"event {event.seq} of job {event.job_id} stands with another job")
            return
        if self.job.trail and event.seq <= self.job.trail[-1].seq:
            self.wrong(f"event {event.seq} of job {event.job_id} stands behind a later one")
        self.job.trail.append(event)
        record = chain.record(event.txid, line.job_id, event.seq, event.hash)
        if self.whole:
            self.records[self.part_of(event)].append(record)
        else:
            self.prove(event, record, line.proof)

    def part_of(self, event: Link) -> str:
        day = fold.at_epoch(fold.microseconds(event.at)).strftime("%Y%m%d")
        return day if day in self.kept.parts else "rest"

    def prove(self, event: Link, record: bytes, proof: Proof | None) -> None:
        if proof is None:
            self.audit.unsealed += 1
            return
        seal = self.seals[proof.seal]
        part = {part.name: part for part in seal.parts}[proof.part]
        way = [bytes.fromhex(sibling) for sibling in proof.path]
        if chain.climb(chain.leaf(record), proof.index, part.events, way) != part.root:
            message = f"event {event.seq} is not under seal {seal.number}"
            self.audit.found(Kind.SEAL, message, event.workspace_id, event.job_id, event.seq)

    def close_job(self) -> None:
        if self.job is None:
            return
        if self.job.job_id in self.done:
            self.wrong(f"job {self.job.job_id} is there twice")
        self.done.add(self.job.job_id)
        look.check_job(self.audit, self.job, self.kept.since)
        self.audit.jobs += self.job.row is not None
        self.audit.tombstones += self.job.row is None
        self.job = None

    def finish(self, anchored: Iterable[Seal]) -> None:
        self.close_job()
        if self.about is None:
            self.wrong("it has no header")
            return
        if self.end is None:
            self.wrong("it has no end: it was cut")
        if self.about.job_id is not None and self.done != {str(self.about.job_id)}:
            self.wrong(f"it is not of job {self.about.job_id}, as its header says")
        until = self.about.at.replace(tzinfo=None).isoformat()
        for seal in anchored:
            if seal.workspace_id == self.about.workspace_id:
                self.audit.anchored += 1
                self.hold_against(seal, until)
        if self.whole:
            self.check_events()

    def hold_against(self, anchored: Seal, until: str) -> None:
        found = self.seals.get(anchored.number)
        if found is not None and found != anchored:
            message = f"seal {anchored.number} is not the one that was anchored"
            self.audit.found(Kind.ANCHOR, message, anchored.workspace_id)
        elif found is None and self.whole and anchored.sealed_at < until:
            message = f"seal {anchored.number} is anchored, but is missing here"
            self.audit.found(Kind.ANCHOR, message, anchored.workspace_id)

    def check_events(self) -> None:
        there = {part: sorted(records) for part, records in self.records.items()}
        seals = [self.seals[number] for number in sorted(self.seals)]
        covered, left = look.split(seals, there)
        for seal, records in covered:
            look.check_roots(self.audit, seal, records, self.kept)
        last = seals[-1].up_to_txid if seals else 0
        unsealed = sum(chain.parted(record)[0] > last for record in left)
        self.audit.unsealed += unsealed
        if len(left) > unsealed:
            self.wrong(f"{len(left) - unsealed} events lie before a seal, but under none")


def _text(line: _Line) -> str:
    return msgspec.json.encode(line).decode()
