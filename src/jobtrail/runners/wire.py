"""What a worker and the child process of a job say to each other: one JSON object a line. No socket and no process here.

The child asks for what a desk does, and waits for an answer where `id` is given; the worker answers, or says stop.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias, assert_never
from uuid import UUID

import msgspec

from jobtrail.core import jsonguard
from jobtrail.core.approval import Rules
from jobtrail.core.outcome import Cancel, Done, Fail, Outcome, Snooze, Stopped, Wait
from jobtrail.core.status import (
    AttemptStatus,
    LogLevel,
    LogSource,
    Phase,
    ResultStatus,
    StepStatus,
    StepType,
    WaitReason,
)
from jobtrail.service.usage import Call
from jobtrail.service.waits import Wanted
from jobtrail.service.wanted import NewJob

LINE_BYTES: Final = 64 << 20
"""The longest line. Inputs and the outputs of steps are far shorter by the rules of the door; a result may come close."""

_RESULT_BYTES: Final = LINE_BYTES // 4
_NOTHING: Final = msgspec.Raw(b"null")


class _Said(msgspec.Struct, kw_only=True, omit_defaults=True, tag_field="say", tag=True):
    """One line."""


class Hello(_Said):
    """The first line of the child: it knows the token, so it is the child."""

    token: str


class BeginStep(_Said):
    """Asks for `Begun`."""

    id: int
    key: str
    name: str
    phase: Phase
    type: StepType


class FinishStep(_Said):
    """Asks for nothing but to be done."""

    id: int
    step_id: UUID
    status: StepStatus
    output: str | None = None
    error: str | None = None


class SkipStep(_Said):
    """Asks for nothing but to be done."""

    id: int
    key: str
    name: str
    phase: Phase
    type: StepType
    why: str


class Ask(_Said):
    """Asks for a `Decision`, or is unwound."""

    id: int
    key: str
    question: str
    phase: Phase
    approvers: tuple[str, ...]
    needed: int
    form: str | None = None
    expires_seconds: float | None = None
    rules: Rules = Rules()


class WaitFor(_Said):
    """Asks for what a wait came to, or is unwound."""

    id: int
    key: str
    name: str
    phase: Phase
    wanted: Wanted


class Children(_Said):
    """Asks for how the jobs ended that it starts here, or is unwound."""

    id: int
    key: str
    name: str
    phase: Phase
    wanted: list[NewJob]
    wakes: bool


class Needed(_Said):
    """Asks for how those ended that the job needed."""

    id: int


class Keep(_Said):
    """Asks for an `Asset` of the file at `path`."""

    id: int
    name: str
    path: str
    role: str
    media_type: str | None = None
    step_id: UUID | None = None


class Use(_Said):
    """Asks for nothing but to be done."""

    id: int
    call: Call
    step_id: UUID | None = None


class Reserve(_Said):
    """Asks for a `Grant`, or is unwound."""

    id: int
    usd: Decimal | None = None
    tokens: int | None = None
    up_to: bool = False


class Tell(_Said):
    """Asks for nothing but to be done."""

    id: int
    event: str
    note: dict[str, Any]
    step_id: UUID | None = None


class Identify(_Said):
    """Asks for nothing but to be done."""

    id: int
    process_id: int | None = None
    session_id: str | None = None


class Earlier(_Said):
    """Asks for what the job has used so far."""

    id: int


class Policy(_Said):
    """Asks for an object."""

    id: int


class Signalled(_Said):
    """Asks for what was said to the job under a name."""

    id: int
    name: str


class Home(_Said):
    """Asks for a path."""

    id: int


class Secret(_Said):
    """Asks for a text."""

    id: int
    reference: str


class Workdir(_Said):
    """Asks for a path."""

    id: int


class Wrote(_Said):
    """A line of the log."""

    message: str
    level: LogLevel
    source: LogSource
    component: str | None = None
    operation: str | None = None
    correlation_id: str | None = None
    details: dict[str, Any] | None = None
    step_id: UUID | None = None


class Progressed(_Said):
    """Percent done."""

    percent: float
    stage: str | None = None


class Measured(_Said):
    """A value of a metric; None stands for what JSON has no number for."""

    name: str
    value: float | None
    unit: str | None = None


class Alive(_Said):
    """Something moved."""


class End(_Said):
    """The code has ended. `answer` names the outcome; the rest is what that outcome carries."""

    answer: str
    output: msgspec.Raw = _NOTHING
    status: str | None = None
    code: str | None = None
    text: str | None = None
    stack: str | None = None
    seconds: float | None = None
    final: bool = False
    note: dict[str, Any] | None = None


Question: TypeAlias = (
    BeginStep
    | FinishStep
    | SkipStep
    | Ask
    | Children
    | Needed
    | WaitFor
    | Keep
    | Use
    | Reserve
    | Tell
    | Identify
    | Earlier
    | Policy
    | Signalled
    | Home
    | Secret
    | Workdir
)
Notice: TypeAlias = Wrote | Progressed | Measured | Alive | End
FromChild: TypeAlias = Hello | Question | Notice


class Answer(_Said):
    """What a question asked for, as JSON."""

    id: int
    value: msgspec.Raw = _NOTHING


class Refused(_Said):
    """The desk raised an error; `kind` is its class."""

    id: int
    kind: str
    message: str
    fields: dict[str, str] = {}


class Unwind(_Said):
    """The attempt is over, or waits: the code must end. `gate_id` (or the step that waits) None: the attempt was lost."""

    id: int
    gate_id: UUID | None = None


class Welcome(_Said):
    """The answer to the greeting. From now on the worker hears all that the child says, also if it dies at once."""


class Stop(_Said):
    """The code should stop."""

    reason: str


FromWorker: TypeAlias = Welcome | Answer | Refused | Unwind | Stop

_encode: Final = msgspec.json.Encoder().encode
read_child: Final = msgspec.json.Decoder(FromChild).decode
read_worker: Final = msgspec.json.Decoder(FromWorker).decode


def line(said: FromChild | FromWorker) -> bytes:
    """As it goes over the wire."""
    return _encode(said) + b"\n"


def value_of(thing: object) -> msgspec.Raw:
    """Any value that a desk answers."""
    return msgspec.Raw(_encode(thing))


def end(outcome: Outcome) -> End:
    """An outcome on its way out of the child, already in JSON and clean: nothing of it can be refused later."""
    match outcome:
        case Done():
            return End(
                answer="done", output=_result(outcome.output), status=outcome.status, text=_text(outcome.summary)
            )
        case Fail():
            return End(
                answer="fail",
                output=_result(outcome.output),
                status=outcome.status,
                code=_text(outcome.code),
                text=_text(outcome.message),
                stack=_text(outcome.stack),
                seconds=None if outcome.retry_in is None else outcome.retry_in.total_seconds(),
                final=outcome.final,
            )
        case Snooze():
            return End(answer="snooze", seconds=outcome.delay.total_seconds(), text=_text(outcome.reason))
        case Cancel():
            return End(answer="cancel", text=_text(outcome.reason))
        case Wait():
            note = None if outcome.note is None else msgspec.json.decode(jsonguard.clean_value(outcome.note)[0])
            delay = None if outcome.delay is None else outcome.delay.total_seconds()
            return End(answer="wait", code=outcome.reason, text=_text(outcome.message), seconds=delay, note=note)
        case Stopped():
            return End(answer="stopped")
        case _:
            assert_never(outcome)


def outcome(said: End) -> Outcome:
    """The outcome, in the worker. Raises ValueError when there is no such."""
    match said.answer:
        case "done":
            status = ResultStatus(said.status or ResultStatus.SUCCESS)
            return Done(msgspec.json.decode(said.output), status, said.text)
        case "fail":
            return Fail(
                said.code or "failed",
                said.text or "",
                said.stack,
                None if said.seconds is None else timedelta(seconds=said.seconds),
                said.final,
                AttemptStatus(said.status or AttemptStatus.FAILED),
                msgspec.json.decode(said.output),
            )
        case "snooze":
            return Snooze(timedelta(seconds=said.seconds or 0.0), said.text)
        case "cancel":
            return Cancel(said.text or "")
        case "wait":
            delay = None if said.seconds is None else timedelta(seconds=said.seconds)
            return Wait(WaitReason(said.code or ""), delay, said.text or "", said.note)
        case "stopped":
            return Stopped()
        case _:
            raise ValueError(f"there is no outcome {said.answer!r}")


def _result(value: object) -> msgspec.Raw:
    raw, _ = jsonguard.clean_value(value)
    if len(raw) > _RESULT_BYTES:
        raw = _encode(jsonguard.clean_text(raw, max_bytes=_RESULT_BYTES // 64))
    return msgspec.Raw(raw)


def _text(text: str | None) -> str | None:
    return None if text is None else jsonguard.clean_text(text)
