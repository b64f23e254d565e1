"""The head that all pages of one job share: how it stands, why, what may be done, what hangs on it; now, or at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from jobtrail.core import past as pasts
from jobtrail.core import said, why
from jobtrail.core.described import RESERVED
from jobtrail.core.errors import NotFound
from jobtrail.core.facts import Facts
from jobtrail.core.headline import FailingStep, Headline, Moment, Related, Usual
from jobtrail.core.ids import short
from jobtrail.core.loglines import LogLine, lines_of
from jobtrail.core.model import Attempt, Job, Worker
from jobtrail.core.past import Known, Past
from jobtrail.core.status import JobStatus, WaitReason, allowed_actions
from jobtrail.service import assets, attempts, gates, headlines, jobs, logs, trail, usage
from jobtrail.store.query import Steps, ask, flow
from jobtrail.web.pages.page import regions
from jobtrail.web.pages.shared import shared
from jobtrail.web.pages.victim import victim_of
from jobtrail.web.runtime import Call
from jobtrail.web.views import Time
from jobtrail.worker.host import worker_name

MOST_EVENTS: Final = 20_000
"""Of how many events a job's past is made; a longer trail is known up to there."""
MOST_STEPS: Final = 20_000
"""How many steps are looked at; without what they left behind, which may be long."""
_LAST_LINES: Final = 12
_TWINS: Final = {
    "Timeline": "job timeline",
    "Logs": "job logs",
    "Events": "job events",
    "Files": "file list",
    "Tree": "job tree",
}
_SHARED_SECONDS: Final = 0.2
_SILENT: Final = 5.0
_LEAST_SAMPLE: Final = 5
_MOST_SPREAD: Final = 2.0


class AtQuery(msgspec.Struct, frozen=True, kw_only=True):
    """As of when the job is looked at; now, if nothing is said. The query of each tab has this field."""

    at: Time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the job failed: the step, if it was in one, and the last lines of its log."""

    step: FailingStep | None
    attempt: Attempt | None
    lines: Sequence[LogLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobHead:
    """What stands above each tab. `past`: the job is shown as it was at `at`, and nothing can be done with it.

    `moments`: where one may go in its past. `counts` are those of now; `was` has all that hung on the job at `at`, None
    when it is shown as it is. `left_seconds`: how long it may still take; None where nobody can tell. `victim`: the worker that
    runs it, where it can be killed from here.
    """

    job: Job
    now: Job
    why: str
    allowed: tuple[str, ...]
    attempts: Sequence[Attempt]
    counts: Headline
    at: datetime | None = None
    was: Past | None = None
    failure: Failure | None = None
    related: Sequence[Related] = ()
    left_seconds: float | None = None
    moments: Sequence[Moment] = ()
    workers: Mapping[UUID, str] = field(default_factory=dict)
    victim: Worker | None = None
    read_at: datetime

    def worker(self, id: UUID | str | None) -> str:
        """What a worker is called; of one that was forgotten, the name follows from its id."""
        try:
            known = id if isinstance(id, UUID) else UUID(id or "")
        except ValueError:
            return "a worker"
        return self.workers.get(known) or worker_name(known.bytes)

    @property
    def past(self) -> bool:
        """Whether the job is shown as it was."""
        return self.was is not None

    @property
    def attempt(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def name(self) -> str:
        """What the job is called."""
        return self.job.title or self.job.type

    def path_of(self, tab: str) -> str:
        """The path of a page of the job, below its workspace."""
        return f"/jobs/{self.now.id}" + ("" if tab == "Timeline" else f"/{tab.lower()}")

    def cli(self, tab: str) -> str:
        """What shows about the same on a terminal."""
        return f"jobtrail {_TWINS.get(tab, 'job get')} {short(self.now.id)}"

    @property
    def by(self) -> str:
        """Who made the job: a key by the end of its id."""
        return said.person(*(self.job.created_by or "").partition(":")[::2])

    @property
    def back_at(self) -> str:
        """The time of the job's last event: where the way back begins."""
        return self.now.updated_at.isoformat()

    @property
    def said_at(self) -> str | None:
        """`at` for the addresses of the other tabs."""
        return None if self.at is None else self.at.isoformat().replace("+00:00", "Z")

    @property
    def is_silent(self) -> bool:
        """Whether the worker of the open attempt does not answer."""
        silent = self.counts.silent_seconds
        return self.job.status == JobStatus.RUNNING and silent is not None and silent > self._patience

    @property
    def _patience(self) -> float:
        return max(_SILENT, ((self.counts.lease_seconds or 0.0) + (self.counts.silent_seconds or 0.0)) / 2)


@dataclass(frozen=True, slots=True)
class _Found:
    job: Job
    facts: Facts
    counts: Headline
    attempts: list[Attempt]
    workers: dict[UUID, str]


async def job_head(call: Call, job_id: UUID, at: datetime | None = None, *, moments: bool = False) -> JobHead:
    """Reads the head of a job, as it is or as of a time; with `moments`, also where one may go back to.

    Raises NotFound.
    """
    read = _read(call.workspace, job_id)
    if regions(call):  # tabs that follow a job all ask at once; whoever comes to it sees it as it is
        found = await shared(call, ("job head", job_id), read, _SHARED_SECONDS)
    else:
        found = await call.read(read)
    there: list[Moment] = []
    if moments or at is not None:
        there = await call.read(headlines.moments(call.workspace, job_id, found.job.version))
    if at is not None:
        known = await call.read(known_of(call.workspace, found.job))
        if not known.events:
            raise NotFound(f"of job {job_id} no events are left: nothing tells how it was at {at.isoformat()}")
        last = known.events[-1].at if len(known.events) == MOST_EVENTS else found.facts.now
        return _then(found, pasts.as_of(known, min(at, last)), there)
    return replace(await _now(call, found), moments=there)


async def _now(call: Call, found: _Found) -> JobHead:
    workspace, job_id = call.workspace, found.job.id
    waits = None if found.job.wait_reason is None else WaitReason(found.job.wait_reason)
    allowed = allowed_actions(JobStatus(found.job.status), waits)
    failure = None
    if found.job.status == JobStatus.FAILED:
        failure = await call.read(_failure(workspace, found))
    related: list[Related] = []
    if found.counts.reruns or found.counts.children:
        related = await call.read(headlines.related(workspace, job_id))
    left = None
    if found.job.status == JobStatus.RUNNING:
        usual = await shared(call, ("usual", found.job.type), headlines.usual(workspace, found.job.type), 30.0)
        left = _left(found.job, usual, found.facts.now)
    return JobHead(
        job=found.job,
        now=found.job,
        why=why.sentence(found.facts),
        allowed=tuple(one for one in allowed if one != "rerun" or not found.job.type.startswith(RESERVED)),
        attempts=found.attempts,
        counts=found.counts,
        failure=failure,
        related=related,
        left_seconds=left,
        workers=found.workers,
        victim=await victim_of(call, found.counts.worker_id if found.job.status == JobStatus.RUNNING else None),
        read_at=found.facts.now,
    )


@flow
def known_of(workspace: UUID, job: Job) -> Steps[Known]:
    """A job with all that hangs on it, but for what its steps left behind: what its past is made of."""
    return Known(
        job=job,
        events=(yield from ask(trail.events(workspace, job.id, limit=MOST_EVENTS))),
        attempts=(yield from ask(attempts.listed(workspace, job.id))),
        steps=(yield from ask(headlines.steps(workspace, job.id, MOST_STEPS))),
        gates=(yield from ask(gates.listed(workspace, waiting=False, job_id=job.id, limit=1_000))),
        usage=(yield from ask(usage.listed(workspace, job.id))),
        assets=(yield from ask(assets.listed(workspace, job.id))),
        result=(yield from ask(jobs.result(workspace, job.id))),
    )


@flow
def _read(workspace: UUID, job_id: UUID) -> Steps[_Found]:
    job = yield from ask(jobs.get(workspace, job_id))
    facts = yield from ask(jobs.facts(workspace, job_id))
    counts = yield from ask(headlines.read(workspace, job_id))
    if job is None or facts is None or counts is None:
        raise NotFound(f"there is no job {job_id} in this workspace; finished jobs are removed when their time is over")
    tries = yield from ask(attempts.listed(workspace, job_id))
    names = (yield from ask(headlines.worker_names({one.worker_id for one in tries}))) if tries else {}
    return _Found(job, facts, counts, tries, names)


@flow
def _failure(workspace: UUID, found: _Found) -> Steps[Failure]:
    step = yield from ask(headlines.failing_step(workspace, found.job.id))
    last = found.attempts[-1] if found.attempts else None
    if last is None:
        return Failure(step=step, attempt=None, lines=())
    last_line = max(found.counts.log_lines, 1)
    first_line = max(last_line - _LAST_LINES, 1)
    chunks = yield from ask(logs.read(workspace, found.job.id, from_line=first_line, attempt_id=last.id))
    lines = [line for chunk in chunks for line in lines_of(chunk)]
    return Failure(step=step, attempt=last, lines=lines[-_LAST_LINES:])


def _then(found: _Found, was: Past, moments: Sequence[Moment]) -> JobHead:
    known = was.known
    open_attempt = next((one for one in known.attempts if one.ended_at is None), None)
    worker = found.workers.get(open_attempt.worker_id) if open_attempt else None
    return JobHead(
        job=known.job,
        now=found.job,
        why=pasts.sentence(was, worker),
        allowed=(),
        attempts=known.attempts,
        counts=found.counts,
        at=was.at,
        was=was,
        moments=moments,
        workers=found.workers,
        read_at=found.facts.now,
    )


def _left(job: Job, usual: Usual | None, now: datetime) -> float | None:
    """How long it may still take, where jobs of its type take about as long as each other."""
    if usual is None or usual.jobs < _LEAST_SAMPLE or not usual.low or not usual.high or usual.middle is None:
        return None
    if usual.high / usual.low > _MOST_SPREAD or job.started_at is None:
        return None
    left = usual.middle - (now - job.started_at).total_seconds()
    return left if left > 0 else None
