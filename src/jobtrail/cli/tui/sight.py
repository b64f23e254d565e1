"""All that a job's screen shows of it, read so that only what may have changed is read again. Nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from jobtrail.cli.task_refs import together
from jobtrail.cli.tui import tailing
from jobtrail.client import JobsClient
from jobtrail.core import why
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Attempt, Event, Gate, Job, Result, Step
from jobtrail.core.spent import Spent
from jobtrail.core.status import FINAL, GateStatus, JobStatus, WaitReason

TAIL: Final = 10
_MOST_EVENTS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Sight:
    """A job at one moment. `tail`: its last lines, up to line `last_line`."""

    job: Job
    why: str = ""
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()
    events: tuple[Event, ...] = ()
    gates: tuple[Gate, ...] = ()
    spent: Spent = Spent()
    result: Result | None = None
    files: int = 0
    tail: tuple[LogLine, ...] = ()
    last_line: int = 0

    @property
    def asks(self) -> Gate | None:
        """The gate at which it waits."""
        return next((gate for gate in self.gates if gate.status == GateStatus.WAITING), None)


def read(client: JobsClient, job_id: UUID, before: Sight | None = None) -> Sight:
    """Reads a job; of what was seen before only what may have changed. Raises NotFound."""
    job = client.get(job_id)
    moved = before is None or before.job.version != job.version
    now = Sight(job) if before is None else replace(before, job=job)
    if moved:
        waits = job.status == JobStatus.PENDING and job.wait_reason == WaitReason.GATE
        now = replace(
            now,
            attempts=tuple(client.attempts(job_id)),
            steps=tuple(client.steps(job_id)),
            events=_events(client, job, now.events),
            gates=tuple(client.gates(job_id=job_id)) if waits else (),
            spent=together(client.usage(job_id)),
            result=client.result(job_id) if job.status in FINAL else None,
            files=len(client.assets(job_id)),
        )
    if moved or job.status not in FINAL:
        now = replace(now, why=why.sentence(client.facts(job_id)))
    if job.attempt_count and (moved or job.status == JobStatus.RUNNING):
        now = _with_tail(client, now)
    return now


def _events(client: JobsClient, job: Job, known: tuple[Event, ...]) -> tuple[Event, ...]:
    """The trail, of a very long one its end."""
    after = max(known[-1].seq if known else 0, job.version - _MOST_EVENTS)
    found = list(known)
    while page := client.events(job.id, after=after):
        found += page
        after = page[-1].seq
    return tuple(found)


def _with_tail(client: JobsClient, now: Sight) -> Sight:
    last = tailing.last_number(client, now.job.id, now.last_line + 1)
    if last == now.last_line:
        return now
    lines = tailing.lines_from(client, now.job.id, max(1, last - TAIL + 1), TAIL)
    return replace(now, tail=tuple(lines[-TAIL:]), last_line=lines[-1].number if lines else last)
