"""Writes a trail out as lines that can be verified without the database (`core.export.verify_export`)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final
from uuid import UUID

from jobtrail.core import chain
from jobtrail.core import export as say
from jobtrail.core.audit import JobLines
from jobtrail.core.chain import Seal
from jobtrail.core.errors import NotFound
from jobtrail.core.export import Proof
from jobtrail.service import audit, seals
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, flow

JOBS: Final = 500
_LOWEST: Final = UUID(int=0)
Write = Callable[[str], object]


@flow
def export_workspace(workspace: UUID, write: Write, *, jobs: int = JOBS) -> Steps[int]:
    """Writes all of a workspace's seals, jobs and events, a line each; answers how many events.

    What is sealed while it runs is written as not sealed yet. `write` gets each line once, when it is read; run it
    through `store.piecewise.run_each`, which tries single statements again and never the whole.
    """
    within = (workspace, workspace)
    about = yield from ask(audit.start())
    write(say.header(workspace, None, about.kept, about.now))
    counts = {"jobs": 0, "events": 0, "seals": 0}
    number = 0
    while some := (yield from ask(seals.after(workspace, number))):
        number = some[-1].number
        counts["seals"] += len(some)
        for seal in some:
            write(say.seal_line(seal))
    done: set[str] = set()
    for lines in (audit.job_lines, audit.tombstone_lines):
        at = (_LOWEST, _LOWEST)
        while found := (yield from ask(lines(at, within, jobs))):
            at = audit.last_of(found)
            for job in found:
                if job.alive or job.job_id in done:
                    continue
                if job.row is not None:
                    done.add(job.job_id)
                counts["jobs"] += 1
                counts["events"] += len(job.trail)
                for line in _job(job):
                    write(line)
    write(say.end_line(**counts))
    return counts["events"]


@flow
def export_job(workspace: UUID, job_id: UUID, write: Write) -> Steps[int]:
    """Writes one job, its events, and for each the proof that a seal covers it; answers how many events.

    Raises NotFound when there is neither the job nor its tombstone.
    """
    about = yield from ask(audit.start())
    just_before = (workspace, UUID(int=max(job_id.int, 1) - 1))
    found: list[JobLines] = []
    for lines in (audit.job_lines, audit.tombstone_lines):
        found = found or (yield from ask(lines(just_before, (workspace, workspace), 1)))
        found = [job for job in found if job.job_id == str(job_id)]
    if not found:
        raise NotFound(f"there is no job {job_id} in this workspace, and no tombstone of one")
    job = found[0]
    write(say.header(workspace, job_id, about.kept, about.now))
    proofs, used = yield from _proofs(workspace, job)
    for seal in used:
        write(say.seal_line(seal))
    for line in _job(job, proofs):
        write(line)
    write(say.end_line(1, len(job.trail), len(used)))
    return len(job.trail)


def _job(job: JobLines, proofs: dict[int, Proof] | None = None) -> Iterator[str]:
    yield say.job_line(job)
    for event in sorted(job.trail, key=lambda event: event.seq):
        yield say.event_line(event, (proofs or {}).get(event.seq))


def _proofs(workspace: UUID, job: JobLines) -> Steps[tuple[dict[int, Proof], list[Seal]]]:
    """The ways of a job's events up to the roots of their seals, and these seals."""
    proofs: dict[int, Proof] = {}
    used: list[Seal] = []
    leaves: dict[str, tuple[list[bytes], list[bytes]]] = {}
    for event in sorted(job.trail, key=lambda event: event.txid):
        if not used or event.txid > used[-1].up_to_txid:
            over = yield from ask(Query("reads/seal_over", (workspace, event.txid), query.rows))
            if not over:
                continue
            used.append(chain.seal_of(over[0]))
            span = (workspace, workspace, used[-1].after_txid, used[-1].up_to_txid)
            parts = (yield from ask(audit.leaves(*span))).get(workspace, {})
            leaves = {name: (records, [chain.leaf(one) for one in records]) for name, records in parts.items()}
        mine = chain.record(event.txid, UUID(event.job_id), event.seq, event.hash)
        for name, (records, hashes) in leaves.items():
            index = bisect_left(records, mine)
            if index < len(records) and records[index] == mine:
                way = [sibling.hex() for sibling in chain.path(hashes, index)]
                proofs[event.seq] = Proof(used[-1].number, name, index, way)
    return proofs, used
