"""Verbs on waits: a step of a job that sleeps until a time, or listens for a signal, without a slot. What a wait came to is
the step's remembered output."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from jobtrail.core.errors import Invalid, StaleAttempt
from jobtrail.core.fence import Fence
from jobtrail.core.model import Remembered
from jobtrail.core.status import Phase, StepStatus, WaitReason
from jobtrail.service import attempts, signals, steps
from jobtrail.store import query
from jobtrail.store.query import Query, Steps, ask, atomic

LONGEST: Final = timedelta(days=3_650)
IN_PLACE_SECONDS: Final = 2.0
"""So short a sleep is not worth giving a slot up for."""
_OVER: Final = '{"timed_out": true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to wait for: a signal, a time (in seconds from when it was first said, or a moment), or what comes first."""

    signal: str | None = None
    seconds: float | None = None
    until: datetime | None = None

    def check(self) -> None:
        """Raises Invalid for a wait that has no end, or that ends after ten years."""
        if self.signal is None and self.seconds is None and self.until is None:
            raise Invalid("say for how long, or until when", fields={"seconds": "missing"})
        if self.seconds is not None and not -math.inf < self.seconds <= LONGEST.total_seconds():
            raise Invalid(f"a job waits for {LONGEST.days} days at most", fields={"seconds": "out of range"})
        if self.until is not None and self.until.tzinfo is None:
            raise Invalid("say in which time zone it is to wait until then: datetime.now(UTC) + …",
                          fields={"until": "has no time zone"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stand:
    """How a wait stands. `output`: it is over, and this is what it came to (JSON); `seconds`: it is so short that the caller
    waits, then finishes the step; `stop`: the job is to be cancelled; nothing of these: the job waits, the attempt is over."""

    step_id: UUID
    output: str | None = None
    seconds: float | None = None
    stop: bool = False


@atomic
def begin(fence: Fence, step_id: UUID, key: str, name: str, phase: Phase, wanted: Wanted) -> Steps[Stand]:
    """Begins a wait, or finds out what it came to; else the job waits without a slot and the attempt ends INTERRUPTED.

    A sleep is over at its time, or when the job was started before it. Raises StaleAttempt, Invalid.
    """
    wanted.check()
    params = (
        *fence.named,
        step_id,
        key,
        name,
        phase,
        str(fence.worker_id),
        wanted.signal,
        wanted.seconds,
        wanted.until,
    )
    row = yield from ask(Query("verbs/begin_wait", params, query.one))
    if row is None:
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} is no longer open; stop its processes")
    known, done, output, cancel, waited, left, until = row
    if cancel:
        return Stand(known or step_id, stop=True)
    if done:
        return Stand(known, output or "null")
    if wanted.signal is not None:
        heard = yield from ask(signals.signalled(fence.workspace_id, fence.job_id, wanted.signal))
        if heard is not None:
            return (yield from _over(fence, known, _of_signal(heard)))
        if left is not None and left <= 0:
            return (yield from _over(fence, known, _OVER))
    elif waited or left <= 0:
        return (yield from _over(fence, known, "null"))
    elif left <= IN_PLACE_SECONDS:
        return Stand(known, seconds=left)
    yield from ask(Query("verbs/keep_wait", (fence.workspace_id, fence.job_id, known), query.nothing))
    delay = None if left is None else timedelta(milliseconds=math.ceil(left * 1000))
    reason = WaitReason.SCHEDULE if wanted.signal is None else WaitReason.SIGNAL
    yield from attempts.suspend(fence, "job.waiting", reason, delay, _note(name, wanted.signal, until)).begin()
    return Stand(known)


def key_of(key: str, generation: int, remembered: Mapping[str, Remembered]) -> str:
    """What came counts for good. That nothing came in time counts until an actor retries the job; then it waits anew."""
    keys = [key, *(f"{key}@{later}" for later in range(2, generation + 1))]
    heard = (each for each in keys if each in remembered and not is_over(remembered[each].output))
    return next(heard, keys[-1])


def is_over(output: str | None) -> bool:
    """Whether a wait for a signal came to nothing in its time."""
    told = None if output is None else json.loads(output)
    return isinstance(told, dict) and told.get("timed_out") is True and "at" not in told


def _over(fence: Fence, step_id: UUID, output: str) -> Steps[Stand]:
    if (yield from ask(steps.finish(fence, step_id, StepStatus.COMPLETED, output=output))) is None:
        raise StaleAttempt(f"attempt {fence.attempt_id} of job {fence.job_id} is no longer open; stop its processes")
    return Stand(step_id, output)


def _of_signal(heard: signals.Signal) -> str:
    told: dict[str, Any] = {"payload": heard.payload, "by": f"{heard.actor.type}:{heard.actor.id}", "at": heard.at}
    return msgspec.json.encode(told).decode()


def _note(name: str, signal: str | None, until: datetime | None) -> str:
    if signal is None:
        said: dict[str, Any] = {"message": f"it sleeps in step {name}", "until": until}
    else:
        said = {
            "message": f"it waits for the signal {signal}",
            "signal": signal,
            "until": until,
        }
    return msgspec.json.encode({key: value for key, value in said.items() if value is not None}).decode()
