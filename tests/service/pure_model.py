"""What the verbs promise, in plain Python: the lifecycle as design and docstrings tell it, without a database.

The machine makes the same calls here and there and compares. Nothing here is taken from the statements.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from service.pure_nouns import ENDED, WAITING_BEFORE_WORK, Check, Holder, Part, Question, Refused, Try, Work
from service.pure_waits import Waiting

LOSSES = 3
TRIES = 3
QUIET = timedelta(seconds=10)
STEP_EVENTS = {
    ("GATE", "COMPLETED"): "gate.passed",
    ("GATE", "FAILED"): "gate.failed",
    ("GATE", "RUNNING"): "gate.started",
    ("COMMAND", "RUNNING"): "step.started",
}


class World(Waiting):
    """All that the verbs know of one workspace, at one time."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.works: dict[UUID, Work] = {}
        self.gone: list[UUID] = []
        self.holders: dict[UUID, Holder] = {}
        self.keys: dict[str, tuple[UUID, str]] = {}

    # accepting

    def enqueue(self, wanted: Iterable[Work]) -> list[UUID]:
        """Which job stands for each: itself, or the one that was there."""
        return [self.accept(work) for work in wanted]

    def enqueue_once(self, work: Work, key: str, body: str) -> tuple[UUID, bool]:
        """The job that an idempotency key stands for, and whether it is new."""
        if key in self.keys:
            id, said = self.keys[key]
            if said != body:
                raise Refused("IdempotencyConflict")
            return id, False
        new = work.id not in self.works
        (id,) = self.enqueue([work])
        self.keys[key] = (id, body)
        return id, new and id == work.id

    # checking

    def takeable(self, queue: str, types: Iterable[str]) -> list[Work]:
        """What a worker would check, in order: the higher priority sooner, then the older."""
        found = [
            w for w in self.works.values()
            if w.waits_for_check and w.queue == queue and w.type in set(types) and w.check_due and w.check_due <= self.now
        ]  # fmt: skip
        return sorted(found, key=lambda w: (-w.priority, w.id))

    def taken(self, work: Work, token: UUID, worker: UUID) -> None:
        """A worker looks at its input."""
        work.check = Check(token, worker)
        self._happen(work, "job.validating", "VALIDATING")

    def end_check(self, job: UUID, token: UUID, verdict: str, again_in: timedelta) -> str | None:
        """Where the job goes; None for who is too late."""
        work = self.works.get(job)
        if work is None or work.check is None or work.check.token != token:
            return None
        if verdict == "VALID":
            work.wait_reason = None
            self._happen(work, "job.queued", "QUEUED")
        elif verdict == "BACK":
            self._happen(work, "job.interrupted", "PENDING")
        elif verdict == "INVALID":
            work.error_code, work.wait_reason = "invalid_input", None
            self._happen(work, "job.failed", "FAILED")
        else:
            work.error_code = "validator_failed"
            if work.check_tries + 1 >= TRIES:
                work.wait_reason = None
                self._happen(work, "job.failed", "FAILED")
            else:
                work.check_tries += 1
                work.check_due = work.scheduled_at = self.now + again_in
                self._happen(work, "job.retry_scheduled", "PENDING")
        return work.status

    # working

    def claimed(self, work: Work, attempt: UUID, worker: UUID) -> None:
        """A worker got it."""
        work.progress, work.stage = 0, None
        work.tries.append(Try(attempt, worker, len(work.tries) + 1))
        self._happen(work, "job.started", "RUNNING")

    def held(self, job: UUID, attempt: UUID) -> Work | None:
        """The job, if this attempt may still write."""
        work = self.works.get(job)
        return work if work and work.open and work.open.id == attempt else None

    def complete(self, ends: Iterable[tuple[UUID, UUID]]) -> list[UUID]:
        """The attempts that were too late; who completed before is not."""
        late = []
        for job, attempt in ends:
            work = self.held(job, attempt)
            if work:
                work.error_code = None
                self._end_try(work, "COMPLETED", "job.completed", "COMPLETED")
                work.results[work.generation] = "SUCCESS"
            elif self._was(job, attempt) != "COMPLETED":
                late.append(attempt)
        return late

    def fail(self, job: UUID, attempt: UUID, retry_in: timedelta | None, code: str, status: str) -> str | None:
        """Where the job goes; None when this attempt failed before."""
        work = self._held_or_own(job, attempt, status)
        if work is None:
            return None
        work.failure_count += 1
        work.error_code = code
        again = retry_in is not None and work.failure_count < work.max_attempts and not work.cancel_requested_at
        work.wait_reason = "RETRY" if again else None
        work.scheduled_at = self.now + retry_in if again and retry_in is not None else None
        self._stop_parts(work)
        if not again:
            work.results[work.generation] = "FAILURE"
        self._end_try(work, status, "job.retry_scheduled" if again else "job.failed", "PENDING" if again else "FAILED")
        return work.status

    def end_cancelled(self, job: UUID, attempt: UUID, reason: str, code: str) -> str | None:
        """The worker stopped it, told or by itself."""
        work = self._held_or_own(job, attempt, "CANCELLED")
        if work is None:
            return None
        work.cancel_reason = work.cancel_reason or reason
        work.error_code = code
        self._stop_parts(work)
        self._end_try(work, "CANCELLED", "job.cancelled", "CANCELLED")
        return work.status

    def suspend(self, job: UUID, attempt: UUID, event: str, reason: str, delay: timedelta | None) -> str | None:
        """It waits, for a time or for something, and no try is used up. What is to be cancelled does not wait."""
        found = self.held(job, attempt)
        if found and found.cancel_requested_at:
            raise Refused("StaleAttempt")
        work = self._held_or_own(job, attempt, "INTERRUPTED")
        if work is None:
            return None
        work.wait_reason, work.awaits = reason, None
        work.scheduled_at = None if delay is None else self.now + delay
        self._end_try(work, "INTERRUPTED", event, "PENDING")
        return work.status

    def interrupt(self, held: Iterable[tuple[UUID, UUID]]) -> int:
        """Given back at a shutdown; what is to be cancelled is cancelled."""
        found = [work for work in (self.held(*one) for one in held) if work]
        for work in found:
            self._stop_parts(work)
            stop = work.cancel_requested_at is not None
            self._end_try(
                work,
                "INTERRUPTED",
                "job.cancelled" if stop else "job.interrupted",
                "CANCELLED" if stop else "QUEUED",
            )
        return len(found)

    def progress(self, job: UUID, attempt: UUID, percent: float | None, stage: str | None) -> int | None:
        """The version, or None for who is too late."""
        work = self.held(job, attempt)
        if work is None:
            return None
        work.progress = work.progress if percent is None else percent
        work.stage = stage or work.stage
        return self._happen(work, "job.progress")

    def begin(self, job: UUID, attempt: UUID, id: UUID, key: str, type: str) -> UUID | bool | None:
        """A step that completed is never begun again; any other keeps its id."""
        work = self.held(job, attempt)
        if work is None:
            return None
        part = work.parts.get(key)
        if part and part.status == "COMPLETED":
            return False
        if part is None:
            part = work.parts[key] = Part(id, key, type, len(work.parts) + 1, "RUNNING", attempt)
        part.status, part.attempt, part.output = "RUNNING", attempt, None
        self._happen(work, STEP_EVENTS[type, "RUNNING"])
        return part.id

    def finish(self, job: UUID, attempt: UUID, part: Part, status: str, output: str | None) -> int | None:
        """Only what runs can be finished."""
        work = self.held(job, attempt)
        if work is None or part.status not in ("RUNNING", "PENDING"):
            return None
        part.status, part.output = status, output
        return self._happen(work, STEP_EVENTS.get((part.type, status), f"step.{status.lower()}"))

    def skip(self, job: UUID, attempt: UUID, id: UUID, key: str) -> int | None:
        """A step that is known stays as it is."""
        work = self.held(job, attempt)
        if work is None or key in work.parts:
            return None
        work.parts[key] = Part(id, key, "COMMAND", len(work.parts) + 1, "SKIPPED", attempt)
        return self._happen(work, "step.skipped")

    def book(self, job: UUID, attempt: UUID, number: int, part: Part | None, tokens: int) -> bool:
        """A booking counts once."""
        work = self.held(job, attempt)
        if work is None:
            return False
        if (attempt, number) not in work.booked:
            work.booked.add((attempt, number))
            if part:
                part.tokens += tokens
            self._happen(work, "ai.tokens_used")
        return True

    def keep(self, job: UUID, attempt: UUID) -> int | None:
        """A file."""
        work = self.held(job, attempt)
        return None if work is None else self._happen(work, "artifact.created")

    # people

    def ask(self, job: UUID, attempt: UUID, question: Question) -> UUID:
        """The job waits for people; a gate that was decided is not asked again."""
        work = self.held(job, attempt)
        if work is None or work.cancel_requested_at:
            raise Refused("StaleAttempt")
        if any(one.step == question.step for one in work.questions.values()):
            raise Refused("Conflict")
        work.questions[question.id] = question
        work.wait_reason, work.scheduled_at = "GATE", None
        self._end_try(work, "INTERRUPTED", "gate.requested", "PENDING")
        return question.id

    def decide(self, gate: UUID, actor: str, approve: bool) -> str:
        """One rejection is enough; approvals must be as many as were asked for. Until then anybody may think better of it."""
        work, question = self.gate(gate)
        if question.approvers and actor not in question.approvers:
            raise Refused("Denied")
        if question.status != "WAITING" or question.decisions.get(actor) is approve:
            raise Refused("Conflict")
        question.decisions[actor] = approve
        if not all(question.decisions.values()):
            question.status = "REJECTED"
        elif len(question.decisions) >= question.needed:
            question.status = "APPROVED"
        goes_on = question.status != "WAITING"
        work.wait_reason = None if goes_on else "GATE"
        self._happen(work, "gate.approved" if approve else "gate.rejected", "QUEUED" if goes_on else "PENDING")
        return question.status

    def withdraw(self, gate: UUID, actor: str) -> str:
        """What was said at a gate that waits is taken back."""
        work, question = self.gate(gate)
        if question.approvers and actor not in question.approvers:
            raise Refused("Denied")
        if question.status != "WAITING" or actor not in question.decisions:
            raise Refused("Conflict")
        del question.decisions[actor]
        self._happen(work, "job.updated")
        return question.status

    def gate(self, id: UUID) -> tuple[Work, Question]:
        """A gate and its job."""
        for work in self.works.values():
            if id in work.questions:
                return work, work.questions[id]
        raise Refused("NotFound")

    def expire(self) -> int:
        """Nobody decided in time; the job goes on and learns of it."""
        over = [
            (work, one)
            for work in self.works.values()
            for one in work.questions.values()
            if one.status == "WAITING" and one.expires_at and one.expires_at <= self.now
        ]
        for work, one in over:
            one.status, work.wait_reason = "EXPIRED", None
            self._happen(work, "gate.expired", "QUEUED")
        return len(over)

    # acting

    def cancel(self, job: UUID, reason: str | None) -> str:
        """At once what does not run; what runs is asked to stop, once."""
        work = self.work(job)
        if work.status in ENDED:
            raise Refused("Conflict")
        if work.status in WAITING_BEFORE_WORK:
            work.scheduled_at = None
            self._cancel_now(work, reason)
        elif not work.cancel_requested_at:
            work.cancel_requested_at, work.cancel_reason, work.scheduled_at = self.now, reason, None
            self._happen(work, "job.cancel_requested")
        return work.status

    def retry(self, job: UUID) -> int:
        """A new generation of the same job."""
        work = self.work(job)
        if work.status not in ("FAILED", "CANCELLED"):
            raise Refused("IllegalMove")
        if self.key_is_taken(work):
            raise Refused("Conflict")
        work.generation += 1
        work.failure_count = work.loss_count = 0
        work.progress = 0
        work.scheduled_at = work.cancel_at = work.cancel_requested_at = None
        work.wait_reason = work.cancel_reason = work.error_code = None
        return self._happen(work, "job.retried", "QUEUED")

    def start_now(self, job: UUID) -> int:
        """It waits for a time no longer."""
        work = self.work(job)
        if work.status != "PENDING" or work.wait_reason not in ("SCHEDULE", "RETRY", "QUOTA", "BUDGET"):
            raise Refused("IllegalMove")
        work.scheduled_at = None
        self._start(work)
        return work.version

    def update(self, job: UUID, version: int | None, changes: dict[str, Any]) -> int:
        """At the version that was read, or whatever it is."""
        work = self.work(job)
        if version not in (None, work.version):
            raise Refused("ConcurrentUpdate")
        for name, value in changes.items():
            setattr(work, name, value)
        later = "scheduled_at" in changes and changes["scheduled_at"] > self.now
        moves = work.status in ("QUEUED", "VALIDATING", "PENDING")
        if later and moves and work.wait_reason in (None, "SCHEDULE", "RETRY", "VALIDATION"):
            work.wait_reason = "SCHEDULE"
            return self._happen(work, "job.updated", "PENDING")
        return self._happen(work, "job.updated")

    def stage(self) -> int:
        """What is due: first the end of a wait in a queue, then a cancel, then a start; one a job."""
        moved = 0
        for work in self.works.values():
            timeout = None if work.queue_timeout is None else timedelta(seconds=work.queue_timeout)
            if work.status == "QUEUED" and timeout and work.queued_at and work.queued_at + timeout <= self.now:
                work.error_code = "queue_timeout"
                self._happen(work, "job.failed", "FAILED")
            elif work.status not in ENDED and not work.cancel_requested_at and self._due(work.cancel_at):
                if work.status == "RUNNING":
                    work.cancel_requested_at, work.cancel_reason = self.now, "its time to be cancelled came"
                    self._happen(work, "job.cancel_requested")
                else:
                    self._cancel_now(work, "its time to be cancelled came")
            elif (
                work.status == "PENDING"
                and work.wait_reason not in ("GATE", "VALIDATION", "DEPENDENCY")
                and self._due(work.scheduled_at)
            ):
                self._start(work)
            elif work.holds and self._due(work.unique_until):
                self._happen(work, "job.updated")
            else:
                continue
            moved += 1
        return moved

    # keeping

    def rescue(self, gone: Iterable[UUID]) -> dict[UUID, str]:
        """What lost workers held, and where it stands now."""
        named, lost = set(gone), {}
        for work in self.works.values():
            if work.check is not None and self._is_gone(work.check.worker, named):
                lost[work.id] = self._lose_check(work)
            if work.open is None:
                continue
            holder = self.holders.get(work.open.worker)
            if holder is None:
                gone_for_sure = work.updated_at is not None and work.updated_at < self.now - QUIET
            else:
                gone_for_sure = self._is_gone(holder.id, named)
            if gone_for_sure:
                lost[work.id] = self._lose(work)
        return lost

    def remove(self, before: datetime) -> int:
        """What ended long enough ago is gone; at least a day stays."""
        limit = min(before, self.now - timedelta(days=1))
        old = [w.id for w in self.works.values() if w.status in ENDED and w.completed_at and w.completed_at < limit]
        for id in old:
            del self.works[id]
            self.gone.append(id)
        self.keys = {key: said for key, said in self.keys.items() if said[0] not in old}
        return len(old)

    def work(self, id: UUID) -> Work:
        """A job that is there."""
        if id not in self.works:
            raise Refused("NotFound")
        return self.works[id]

    # what follows

    def _start(self, work: Work) -> None:
        """Its time came: to its queue, or first to its check, which only the first try has."""
        if work.checked and not work.tries:
            work.wait_reason = "VALIDATION"
            self._happen(work, "job.updated", "PENDING")
        else:
            work.wait_reason = None
            self._happen(work, "job.queued", "QUEUED")

    def _is_gone(self, worker: UUID, named: set[UUID]) -> bool:
        holder = self.holders.get(worker)
        return holder is None or worker in named or holder.stopped or holder.lease_until < self.now

    def _lose_check(self, work: Work) -> str:
        work.loss_count += 1
        aside = work.loss_count >= LOSSES
        work.error_code = "quarantined" if aside else "lost"
        work.wait_reason = None if aside else "VALIDATION"
        self._happen(work, "job.failed" if aside else "job.lost", "FAILED" if aside else "PENDING")
        return work.status

    def _happen(self, work: Work, event: str, becomes: str | None = None, *, gives_key: bool = False) -> int:
        was, work.status = work.status if work.events else None, becomes or work.status
        work.events.append((event, work.status))
        work.updated_at = self.now
        if was is None:
            work.holds = work.unique_key
        elif work.holds or event == "job.retried":
            work.holds = work.unique_key if work.keeps_key(self.now) and not gives_key else None
        self.note_end(work, event)
        if work.status != "VALIDATING":
            work.check = None
        if work.waits_for_check:
            work.check_due = work.check_due or self.now
        elif work.status != "VALIDATING":
            work.check_tries, work.check_due = 0, None
        if work.status != was:
            if work.status == "QUEUED":
                work.queued_at = self.now
            if work.status == "RUNNING":
                work.started_at = work.started_at or self.now
            if work.status != "RUNNING":
                work.completed_at = self.now if work.status in ENDED else None
        return work.version

    def _end_try(self, work: Work, status: str, event: str, becomes: str) -> None:
        work.tries[-1].status = status
        self._happen(work, event, becomes)

    def _cancel_now(self, work: Work, reason: str | None) -> None:
        work.cancel_requested_at, work.cancel_reason, work.wait_reason = self.now, reason, None
        for one in work.questions.values():
            one.status = "EXPIRED" if one.status == "WAITING" else one.status
        self._happen(work, "job.cancelled", "CANCELLED")

    def _lose(self, work: Work) -> str:
        work.loss_count += 1
        self._stop_parts(work)
        if work.cancel_requested_at:
            work.error_code = "cancelled"
            self._end_try(work, "LOST", "job.cancelled", "CANCELLED")
        elif work.loss_count >= LOSSES:
            work.error_code = "quarantined"
            work.results[work.generation] = "FAILURE"
            self._end_try(work, "LOST", "job.failed", "FAILED")
        else:
            work.error_code = "lost"
            self._end_try(work, "LOST", "job.lost", "QUEUED")
        return work.status

    def _held_or_own(self, job: UUID, attempt: UUID, status: str) -> Work | None:
        work = self.held(job, attempt)
        if work is None and self._was(job, attempt) != status:
            raise Refused("StaleAttempt")
        return work

    def _was(self, job: UUID, attempt: UUID) -> str | None:
        tries = self.works[job].tries if job in self.works else []
        return next((one.status for one in tries if one.id == attempt), None)

    def _stop_parts(self, work: Work) -> None:
        for part in work.parts.values():
            part.status = "FAILED" if part.status == "RUNNING" else part.status

    def _due(self, at: datetime | None) -> bool:
        return at is not None and at <= self.now
