"""The trail as lines of JSON that anybody can verify without the database, and the function that does so. No I/O.

A file is a header, seals, jobs each followed by their events, and an end. The export of a workspace has all its seals
and events; that of one job proves each event by its way up to the root of its seal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
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


@dataclass(frozen=True, slots=True)
class Proof:
    """The way of one event to the root of its seal."""

    seal: int
    part: str
    index: int
    path: tuple[bytes, ...]


def header(workspace: UUID, job_id: UUID | None, kept: Kept, at: datetime) -> str:
    """The first line."""
    return _line(
        "header", format=FORMAT, workspace_id=str(workspace), job_id=None if job_id is None else str(job_id),
        at=at.astimezone(UTC).isoformat(), parts=sorted(kept.parts), droppable=kept.droppable.isoformat(),
        hashing=HASHING,
    )  # fmt: skip


def seal_line(seal: Seal) -> str:
    """A seal."""
    return _line("seal", **chain.seal_to_json(seal))


def job_line(job: JobLines) -> str:
    """A job as it stands; `row` is null when retention removed it."""
    return _line(
        "job", workspace_id=job.workspace_id, job_id=job.job_id, version=job.version,
        trail_hash=None if job.head is None else job.head.hex(), first_at=job.first_at, last_at=job.last_at,
        removed_at=job.removed_at, alive=job.alive, row=job.row, results=job.results, steps=job.steps,
        assets=job.assets,
    )  # fmt: skip


def event_line(event: Link, proof: Proof | None = None) -> str:
    """An event; the payload stays the text that was hashed."""
    said = event._asdict()
    said.update(at=fold.microseconds(event.at), hash=event.hash.hex())
    if proof is not None:
        way = [sibling.hex() for sibling in proof.path]
        said["proof"] = {"seal": proof.seal, "part": proof.part, "index": proof.index, "path": way}
    return _line("event", **said)


def end_line(jobs: int, events: int, seals: int) -> str:
    """The last line: without it, or with other numbers, the file was cut."""
    return _line("end", jobs=jobs, events=events, seals=seals)


def verify_export(lines: Iterable[str], keys: Sequence[bytes] = (), anchored: Iterable[Seal] = ()) -> Report:
    """Verifies an export with nothing but the export itself, the key if one is at hand, and the anchor if there is one.

    Without the key, seals are checked for everything but their signatures. Keeps 200 bytes an event in memory.
    """
    reader = _Reader(Audit(signatures=bool(keys)), tuple(keys))
    for number, text in enumerate(lines, 1):
        try:
            reader.read(msgspec.json.decode(text))
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reader.wrong(f"line {number} cannot be read: {error}")
    reader.finish(anchored)
    return reader.audit.report()


@dataclass(slots=True)
class _Reader:
    """What was read of an export so far."""

    audit: Audit
    keys: tuple[bytes, ...]
    about: dict[str, Any] | None = None
    kept: Kept = field(default_factory=lambda: Kept(frozenset(), datetime.min.replace(tzinfo=UTC)))
    seals: dict[int, Seal] = field(default_factory=dict)
    job: JobLines | None = None
    done: set[str] = field(default_factory=set)
    records: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    counts: dict[str, int] = field(default_factory=lambda: {"jobs": 0, "events": 0, "seals": 0})
    ended: bool = False

    def wrong(self, message: str) -> None:
        workspace = None if self.about is None else str(self.about["workspace_id"])
        self.audit.found(Kind.EXPORT, message, workspace)

    def read(self, said: dict[str, Any]) -> None:
        if self.ended or (self.about is None) != (said["line"] == "header"):
            self.wrong(f"a line of the sort {said['line']!r} stands where none may be")
        match said.pop("line"):
            case "header":
                self.begin(said)
            case "seal":
                self.counts["seals"] += 1
                self.add_seal(chain.seal_from_json(said))
            case "job":
                self.counts["jobs"] += 1
                self.close_job()
                self.job = _job(said)
            case "event":
                self.counts["events"] += 1
                self.add_event(said)
            case "end":
                self.ended = True
                if said != self.counts:
                    self.wrong(f"the file has {self.counts}, its end says {said}")
            case other:
                self.wrong(f"nobody knows lines of the sort {other!r}")

    def begin(self, said: dict[str, Any]) -> None:
        if said["format"] != FORMAT:
            self.wrong(f"this is {said['format']!r}, not {FORMAT!r}")
        UUID(said["workspace_id"])
        self.kept = Kept(frozenset(said["parts"]), datetime.fromisoformat(said["droppable"]))
        self.about = said

    def add_seal(self, seal: Seal) -> None:
        whole = self.about is not None and self.about["job_id"] is None
        if whole:
            look.check_link(self.audit, seal, self.seals[max(self.seals)] if self.seals else None)
        look.check_seal(self.audit, seal, self.keys)
        self.seals[seal.number] = seal

    def add_event(self, said: dict[str, Any]) -> None:
        proof = said.pop("proof", None)
        at, hash = said["at"].to_bytes(8, "big", signed=True), bytes.fromhex(said["hash"])
        event = Link(**{**said, "at": at, "hash": hash})
        if self.job is None or event.job_id != self.job.job_id:
            self.wrong(f"event {event.seq} of job {event.job_id} stands with another job")
            return
        self.job.trail.append(event)
        record = chain.record(event.txid, UUID(event.job_id), event.seq, event.hash)
        if self.about is not None and self.about["job_id"] is not None:
            self.prove(event, record, proof)
        else:
            self.records[self.part_of(event)].append(record)

    def part_of(self, event: Link) -> str:
        day = (fold.at_epoch(fold.microseconds(event.at))).strftime("%Y%m%d")
        return day if day in self.kept.parts else "rest"

    def prove(self, event: Link, record: bytes, proof: dict[str, Any] | None) -> None:
        if proof is None:
            self.audit.unsealed += 1
            return
        seal = self.seals[proof["seal"]]
        part = {part.name: part for part in seal.parts}[proof["part"]]
        way = [bytes.fromhex(sibling) for sibling in proof["path"]]
        inside = seal.after_txid < event.txid <= seal.up_to_txid
        if not inside or chain.climb(chain.leaf(record), proof["index"], part.events, way) != part.root:
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
        if self.about is None or not self.ended:
            self.wrong("the file has no beginning" if self.about is None else "the file has no end: it was cut")
        for seal in anchored:
            if self.about is None or str(seal.workspace_id) != self.about["workspace_id"]:
                continue
            self.audit.anchored += 1
            self.hold_against(seal)
        if self.about is not None and self.about["job_id"] is None:
            self.check_events()

    def hold_against(self, anchored: Seal) -> None:
        found = self.seals.get(anchored.number)
        whole = self.about is not None and self.about["job_id"] is None
        if found is not None and found != anchored:
            message = f"seal {anchored.number} is not the one that was anchored"
            self.audit.found(Kind.ANCHOR, message, anchored.workspace_id)
        elif found is None and whole and self.about is not None and anchored.sealed_at < self.about["at"]:
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


def _job(said: dict[str, Any]) -> JobLines:
    head = said["trail_hash"]
    return JobLines(
        said["workspace_id"], said["job_id"], said["version"], None if head is None else bytes.fromhex(head),
        said["first_at"], said["last_at"], said["row"], [], said["results"], said["steps"], said["assets"],
        said["removed_at"], said["alive"],
    )  # fmt: skip


def _line(sort: str, **said: Any) -> str:
    return msgspec.json.encode({"line": sort, **said}).decode()
