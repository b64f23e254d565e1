"""What the pure model says of waits: a job sleeps, listens for a signal, and schedules make jobs at their ticks."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.pure_flow import Flowing
from service.pure_nouns import ENDED, Part, Refused, Work


class Waiting(Flowing):
    """The part of the world that lets jobs wait for a time or for a word."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks_at: datetime | None = None

    def held(self, job: UUID, attempt: UUID) -> Work | None:
        raise NotImplementedError

    def suspend(self, job: UUID, attempt: UUID, event: str, reason: str, delay: timedelta | None) -> str | None:
        raise NotImplementedError

    def work(self, id: UUID) -> Work:
        raise NotImplementedError

    def wait(
        self, job: UUID, attempt: UUID, id: UUID, key: str, signal: str | None, seconds: float | None
    ) -> dict[str, Any]:
        """Begins a wait, or tells what it came to; else the job gives its slot up. What was said first of the time counts."""
        work = self.held(job, attempt)
        if work is None:
            raise Refused("StaleAttempt")
        part = work.parts.get(key)
        if work.cancel_requested_at:
            return {"stop": True}
        if part is None:
            part = work.parts[key] = Part(id, key, "COMMAND", len(work.parts) + 1, "RUNNING", attempt)
            part.until = None if seconds is None else self.now + timedelta(seconds=seconds)
            self._happen(work, "step.started")
        elif part.status in ("FAILED", "SKIPPED"):
            part.status, part.attempt, part.output = "RUNNING", attempt, None
            self._happen(work, "step.started")
        if part.status == "COMPLETED":
            return {"done": True}
        left = None if part.until is None else (part.until - self.now).total_seconds()
        if signal is not None:
            if signal in work.signals or (left is not None and left <= 0):
                return self._over(work, part, "something")
        elif part.waited_in == work.generation or (left is not None and left <= 0):
            return self._over(work, part, None)
        elif left is not None and left <= 2.0:
            return {"seconds": left}
        part.waited_in = work.generation
        delay = None if left is None else timedelta(milliseconds=math.ceil(left * 1000))
        self.suspend(job, attempt, "job.waiting", "SCHEDULE" if signal is None else "SIGNAL", delay)
        work.awaits = signal
        return {}

    def _over(self, work: Work, part: Part, output: str | None) -> dict[str, Any]:
        part.status, part.output = "COMPLETED", output
        self._happen(work, "step.completed")
        return {"done": True}

    def signal(self, job: UUID, name: str) -> tuple[bool, bool]:
        """Whether it is the first of its name, and whether the job goes on with it."""
        work = self.work(job)
        if work.status in ENDED:
            if name in work.signals:
                return False, False
            raise Refused("Conflict")
        if name in work.signals:
            return False, False
        work.signals.add(name)
        if work.status == "PENDING" and work.wait_reason == "SIGNAL" and work.awaits == name:
            work.wait_reason = work.scheduled_at = None
            self._happen(work, "job.resumed", "QUEUED")
            return True, True
        self._happen(work, "job.updated")
        return True, False

    def tick(self, every: timedelta) -> int:
        """How many ticks are due; the next one is after now."""
        due = 0
        while self.ticks_at is not None and self.ticks_at <= self.now:
            self.ticks_at += every
            due += 1
        return due
