"""Runs one attempt from its claim to its end: context, runner, outcome, and what the outcome means for the job."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final, assert_never

from jobtrail import tracing
from jobtrail.core import graph, jsonguard
from jobtrail.core.errors import JobtrailError, StaleAttempt
from jobtrail.core.fence import Used
from jobtrail.core.model import Claimed
from jobtrail.core.outcome import Cancel, Done, Dropped, Fail, Outcome, Snooze, Stopped, Wait, Waits
from jobtrail.core.retry import Backoff, Retry, delay_after
from jobtrail.core.status import AttemptStatus, WaitReason
from jobtrail.runners import retrying
from jobtrail.runners.context import EX_FORKED, Context
from jobtrail.runners.protocol import Assignment, Runner
from jobtrail.runners.python import failure
from jobtrail.service import attempts, logs, trail
from jobtrail.service.attempts import Completed, Failed
from jobtrail.worker.desk import LocalDesk, Room
from jobtrail.worker.journal import Book
from jobtrail.worker.link import Finisher, give_up
from jobtrail.worker.plan import Plan
from jobtrail.worker.running import BUDGET, CANCELLED, IDLE, LOST, SHUTDOWN, TIMED_OUT, Running
from jobtrail.worker.tally import Tally

log = logging.getLogger("jobtrail.worker")

_MESSAGE_BYTES: Final = 4_096


class Slot:
    """One unit of a worker's capacity."""

    def __init__(self, room: Room, runners: Mapping[str, Runner], finisher: Finisher, plan: Plan, tally: Tally) -> None:
        self._room, self._runners, self._finisher, self._plan = room, runners, finisher, plan
        self._tally = tally
        self._process_id = os.getpid()

    async def run(self, running: Running) -> None:
        """Runs an attempt and writes its end."""
        claimed = running.claimed
        desk = LocalDesk(self._room, running, Book(running.fence))
        with tracing.attempt(claimed):
            try:
                outcome = await self._outcome(desk)
            except (Waits, Dropped):
                return
            finally:
                desk.purse.close()
                desk.spans.end_all()
            if isinstance(outcome, Fail):
                tracing.failed(outcome.code, outcome.message)
        running.ending = True
        if running.reason is not None:
            _forget_interruption()  # also where the code made nothing of it
        if os.getpid() != self._process_id:
            os._exit(EX_FORKED)  # the job's code forked and the child came back here: there must not be two workers
        if running.reason is not None and isinstance(outcome, Fail):
            outcome = Stopped(outcome.used)  # whatever the code raised when it was told to stop, it is not its failure
        try:
            await self._end(desk, outcome)
        except (StaleAttempt, Dropped):
            log.info("attempt %s of job %s was no longer open at its end", claimed.attempt_id, claimed.job_id)
        except JobtrailError as error:
            await give_up(self._room.execute, running.fence, error)

    async def _remember(self, desk: LocalDesk) -> None:
        """What earlier attempts did."""
        fence = desk.running.fence
        known = await self._room.execute(attempts.remembered(fence.workspace_id, fence.job_id))
        desk.remembered = {step.key: step for step in known}
        desk.book.next_line = await self._room.execute(logs.next_line(fence.workspace_id, fence.job_id))

    async def _outcome(self, desk: LocalDesk) -> Outcome:
        running, claimed = desk.running, desk.running.claimed
        try:
            if running.reason is not None:
                return Stopped()
            if claimed.budgeted and (refused := await desk.purse.open()) is not None:
                return refused
            if claimed.remembers:
                await self._remember(desk)
            assignment = _assignment(claimed)
            if claimed.generation > 1 or graph.may_refer(claimed.input):
                refused, assignment = await desk.given(assignment)
                if refused is not None:
                    return refused
            return await self._runners[claimed.type].run(Context(assignment, desk))
        except asyncio.CancelledError as error:
            if running.reason is not None:
                return Stopped()
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the worker itself ends
            return failure(error)
        except (Waits, Dropped):
            raise
        except (SystemExit, KeyboardInterrupt) as error:
            return Fail("exit", f"the code called exit: {error!r}")
        except (Snooze, Cancel, Wait) as answer:
            return answer
        except BaseException as error:  # noqa: BLE001  the runner's edge: whatever it raises is an outcome
            return failure(error)

    async def _end(self, desk: LocalDesk, outcome: Outcome) -> None:
        running = desk.running
        if running.reason == LOST:
            return
        if desk.book.unsettled:
            await self._room.journal.settle(desk.book)
        if isinstance(outcome, Stopped):
            await self._end_stopped(running, outcome.used)
        elif isinstance(outcome, Done):
            self._complete(desk, outcome)
        elif isinstance(outcome, Fail):
            await self._fail(desk, outcome)
        elif isinstance(outcome, Cancel):
            await self._room.execute(attempts.end_cancelled(running.fence, desk.redact(outcome.reason)))
        elif isinstance(outcome, Snooze):
            note = None if outcome.reason is None else trail.note_of({"reason": outcome.reason})
            await self._suspend(desk, "job.snoozed", WaitReason.SCHEDULE, outcome.delay, note)
        elif isinstance(outcome, Wait):
            note = trail.note_of({**(outcome.note or {}), "message": outcome.message[:_MESSAGE_BYTES]})
            await self._suspend(desk, "job.waiting", outcome.reason, outcome.delay, note, _used(desk, outcome.used))
        else:
            assert_never(outcome)

    def _complete(self, desk: LocalDesk, done: Done) -> None:
        output = None
        if done.output is not None:
            raw, changed = jsonguard.clean_value(done.output)
            output = desk.redact(raw.decode())
            if changed:
                log.warning(
                    "the result of job %s held what cannot be stored; it was cleaned", desk.running.fence.job_id
                )
        summary = None if done.summary is None else desk.redact(jsonguard.clean_text(done.summary, max_bytes=1_024))
        self._finisher.add(
            Completed(desk.running.fence, output, done.status, summary, desk.running.ms, _used(desk, done.used))
        )
        self._tally.completed(desk.running.fence.workspace_id, desk.running.claimed.type)

    async def _fail(self, desk: LocalDesk, fail: Fail) -> None:
        running = desk.running
        output = None if fail.output is None else desk.redact(jsonguard.clean_value(fail.output)[0].decode())
        code = "disk_full" if f"[Errno {errno.ENOSPC}]" in fail.message else fail.code
        fail = self._judged(running.claimed, replace(fail, code=code))
        ended = Failed(
            running.fence,
            jsonguard.clean_text(fail.code, max_bytes=255),
            desk.redact(jsonguard.clean_text(fail.message, max_bytes=_MESSAGE_BYTES)),
            None if fail.stack is None else desk.redact(jsonguard.clean_text(fail.stack)),
            _next_wait(running.claimed, fail),
            fail.status,
            output,
            running.ms,
            _used(desk, fail.used),
        )
        await self._room.execute(attempts.fail(ended))
        if ended.retry_in is not None:  # else it was the job's own fault
            self._tally.failed(running.fence.workspace_id, running.claimed.type)

    async def _end_stopped(self, running: Running, used: Used) -> None:
        fence, why = running.fence, running.message or "stopped"
        if running.reason == SHUTDOWN:
            await self._room.execute(attempts.interrupt([fence]))
        elif running.reason in (TIMED_OUT, IDLE):
            status = AttemptStatus.TIMED_OUT
            fail = self._judged(running.claimed, Fail(running.reason, why), TimeoutError(why))
            again = _next_wait(running.claimed, fail)
            ended = Failed(fence, running.reason, why, None, again, status, None, running.ms, used)
            await self._room.execute(attempts.fail(ended))
            self._tally.failed(fence.workspace_id, running.claimed.type, timed_out=True)
        elif running.reason == BUDGET:
            await self._room.execute(attempts.fail(Failed(fence, BUDGET, why, ms=running.ms, used=used)))
        elif running.reason == CANCELLED:
            await self._room.execute(attempts.end_cancelled(fence, why, used=used))
        else:
            message = "the runner stopped without being told to"
            await self._room.execute(attempts.fail(Failed(fence, "stopped", message, ms=running.ms, used=used)))

    def _judged(self, claimed: Claimed, fail: Fail, error: BaseException | None = None) -> Fail:
        """A failure with what the policy of its type says; the runner may have said so already."""
        policy = getattr(self._runners.get(claimed.type), "retry", None)
        known = policy if isinstance(policy, Retry) else None
        return retrying.judged(known, fail, error, claimed.failure_count + 1)

    async def _suspend(
        self,
        desk: LocalDesk,
        event: str,
        reason: WaitReason,
        delay: timedelta | None,
        note: str | None,
        used: Used = Used(),
    ) -> None:
        """The job waits, unless it is to be cancelled."""
        fence, said = desk.running.fence, None if note is None else desk.redact(note)
        try:
            await self._room.execute(attempts.suspend(fence, event, reason, delay, said, used))
        except StaleAttempt:
            await self._room.execute(attempts.end_cancelled(fence, "cancelled", used=used))


def _forget_interruption() -> None:
    """The task goes on with the next attempt, which nobody has told to stop."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()


def _assignment(claimed: Claimed) -> Assignment:
    return Assignment(
        claimed.job_id,
        claimed.workspace_id,
        claimed.attempt_id,
        claimed.type,
        claimed.number,
        claimed.generation,
        claimed.input,
        claimed.failure_count,
    )


def _next_wait(claimed: Claimed, fail: Fail) -> timedelta | None:
    """How long this job waits after one more failure; None: it is not tried again."""
    if fail.final or fail.retry_in is not None:
        return None if fail.final else fail.retry_in
    return delay_after(
        Backoff(claimed.backoff_type),
        timedelta(milliseconds=claimed.backoff_delay_ms),
        claimed.failure_count + 1,
        random.random(),  # noqa: S311  (jitter, no secret)
        max_delay=timedelta(milliseconds=claimed.backoff_max_ms),
    )


def _used(desk: LocalDesk, used: Used) -> Used:
    """What the runner measured; for code inside this process at least the peak of the whole process."""
    if used.memory_bytes is None and desk.running.peak_bytes is not None:
        return Used(used.cpu_seconds, desk.running.peak_bytes, used.disk_bytes, used.exit_code)
    return used
