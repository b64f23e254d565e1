"""What a runner may answer, as values: done, failed, snoozed, cancelled, tried again, or waiting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID

from jobtrail.core import duration
from jobtrail.core.fence import Used
from jobtrail.core.status import RUNNER_WAITS, AttemptStatus, ResultStatus, WaitReason


@dataclass(frozen=True, slots=True)
class Done:
    """The work is done. `output` becomes the job's result; what cannot be stored as it is, is cleaned."""

    output: object = None
    status: ResultStatus = ResultStatus.SUCCESS
    summary: str | None = None
    used: Used = field(default_factory=Used)


@dataclass(frozen=True, slots=True)
class Fail:
    """The work failed. `retry_in` None: after the job's own backoff; `final`: never again, whatever is left."""

    code: str
    message: str
    stack: str | None = None
    retry_in: timedelta | None = None
    final: bool = False
    status: AttemptStatus = AttemptStatus.FAILED
    output: object = None
    used: Used = field(default_factory=Used)


class Snooze(Exception):  # noqa: N818  (an answer, not an error; raising it is the other way to give it)
    """Return or raise it: run the job again after `delay`. Uses no attempt."""

    def __init__(self, delay: str | float | timedelta, reason: str | None = None) -> None:
        self.delay = duration.parse(delay)
        self.reason = reason
        super().__init__(f"snoozed for {duration.show(self.delay)}")


class Cancel(Exception):  # noqa: N818
    """Return or raise it: the job ends CANCELLED, with this reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Wait(Exception):  # noqa: N818
    """Return or raise it: the job waits for what `reason` names, holds no slot, and uses no attempt.

    It starts again after `delay` (seconds, text such as `5m`, timedelta); None: only when something wakes it. `message`
    is for people (`job why` says it); `note` goes with it into the trail. Raises ValueError for a reason that is not a
    runner's to give (`RUNNER_WAITS`).
    """

    def __init__(
        self,
        reason: WaitReason,
        delay: str | float | timedelta | None,
        message: str,
        note: Mapping[str, Any] | None = None,
        used: Used = Used(),
    ) -> None:
        if reason not in RUNNER_WAITS:
            raise ValueError(
                f"no runner says that its job waits for {reason}; it may say {', '.join(sorted(RUNNER_WAITS))}"
            )
        self.reason = reason
        self.delay = None if delay is None else duration.parse(delay)
        self.message = message
        self.note = note
        self.used = used
        super().__init__(message)


class Waits(BaseException):
    """The job waits at a gate, or in a step for a time or a signal, and its slot is free. Not for user code: it unwinds it."""

    def __init__(self, gate_id: UUID) -> None:
        self.gate_id = gate_id
        super().__init__(f"waits at gate or step {gate_id}")


class Dropped(BaseException):
    """The attempt is no longer this worker's: nothing more may be written for it. It unwinds user code."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The runner stopped because it was told to; the worker knows why."""

    used: Used = field(default_factory=Used)


Outcome: TypeAlias = Done | Fail | Snooze | Cancel | Wait | Stopped
