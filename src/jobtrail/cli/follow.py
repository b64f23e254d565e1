"""Follows a job: looks a few times a second and tells what is new. Nothing is printed here."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from jobtrail.client import JobsClient
from jobtrail.core import why
from jobtrail.core.errors import Unavailable
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Attempt, Event, Gate, Job, Step
from jobtrail.core.status import FINAL, JobStatus, WaitReason

LOOK_SECONDS: Final = 0.25
_PATIENT_SECONDS: Final = 30.0
_WHY_AFTER: Final = 1.0
_WHY_SECONDS: Final = 2.0


@dataclass(slots=True)
class View:
    """How a job stands, and what is new since the last look."""

    job: Job
    steps: list[Step] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    why: str | None = None
    now: datetime | None = None  # when it stood so; None: at this moment

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.job.status in FINAL


class Follower:
    """Remembers what was seen. `logs`: lines are read too."""

    def __init__(self, client: JobsClient, job_id: UUID, *, logs: bool = True, history: bool = True) -> None:
        self._client, self._id, self._logs = client, job_id, logs
        self._view: View | None = None
        self._seq = 0 if history else -1
        self._next_line = 1
        self._waits_since = 0.0
        self._asked_why = 0.0

    def look(self) -> View:
        """Looks once. Raises NotFound, Unavailable."""
        job = self._client.get(self._id)
        before = self._view
        moved = before is None or job.version != before.job.version
        view = View(job) if before is None else View(job, before.steps, before.attempts, before.gates, why=before.why)
        if moved:
            view.steps = self._client.steps(self._id)
            view.attempts = self._client.attempts(self._id)
            waits_for_people = job.status == JobStatus.PENDING and job.wait_reason == WaitReason.GATE
            view.gates = self._client.gates(job_id=self._id) if waits_for_people else []
            view.events = self._new_events(job)
            self._waits_since, view.why = time.monotonic(), None
        if self._logs and job.attempt_count:
            view.lines = self._new_lines()
        if job.status in (JobStatus.PENDING, JobStatus.QUEUED):
            self._explain(view)
        self._view = view
        return view

    def _new_events(self, job: Job) -> list[Event]:
        if self._seq < 0:
            self._seq = job.version
            return []
        events = self._client.events(self._id, after=self._seq)
        if events:
            self._seq = events[-1].seq
        return events

    def _new_lines(self) -> list[LogLine]:
        found: list[LogLine] = []
        while lines := self._client.logs(self._id, from_line=self._next_line):
            found += lines
            self._next_line = lines[-1].number + 1
        return found

    def _explain(self, view: View) -> None:
        now = time.monotonic()
        if now - self._waits_since >= _WHY_AFTER and now - self._asked_why >= _WHY_SECONDS:
            self._asked_why = now
            view.why = why.sentence(self._client.facts(self._id))


def follow(
    client: JobsClient,
    job_id: UUID,
    *,
    logs: bool = True,
    history: bool = True,
    timeout: float | None = None,
    halt: threading.Event | None = None,
) -> Iterator[View]:
    """Looks until the job has ended, the time is over or `halt` is set; the last view is of that moment.

    A database that is away is waited for, for a while. Raises NotFound, Unavailable.
    """
    follower = Follower(client, job_id, logs=logs, history=history)
    halt = halt or threading.Event()
    deadline = None if timeout is None else time.monotonic() + timeout
    away_since: float | None = None
    while True:
        try:
            view = follower.look()
            away_since = None
        except Unavailable:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENT_SECONDS:
                raise
            if halt.wait(LOOK_SECONDS * 2):
                return
            continue
        if view.ended and logs:
            last = follower.look()  # lines that came between the two reads
            view.lines += last.lines
        yield view
        left = LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, deadline - time.monotonic())
        if view.ended or left <= 0 or halt.wait(left):
            return
