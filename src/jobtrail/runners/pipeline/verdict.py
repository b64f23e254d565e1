"""What the end of a command means for its step, in words for people and a code for programs. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from jobtrail.core import duration, jsonguard
from jobtrail.core.status import AttemptStatus
from jobtrail.process.supervise import Ended, Reason
from jobtrail.runners.pipeline.plan import Planned

MAX_MESSAGE_BYTES = 4_096

# Colours, titles and cursor movements; what is left of a line is what a person would read.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a step failed. `final`: no further try can help. `stopped`: it was told to stop, which is nobody's fault."""

    code: str
    message: str
    status: AttemptStatus = AttemptStatus.FAILED
    final: bool = False
    stopped: bool = False


def judge(step: Planned, ended: Ended, tail: Sequence[str], tries: int) -> Failure | None:
    """None if the command did what it should."""
    if ended.reason is Reason.EXITED and ended.exit_code == 0:
        return None
    who = f"step {step.name!r}"
    match ended.reason:
        case Reason.EXITED if ended.signal is not None:
            code, what = "signal", ended.message
        case Reason.EXITED:
            code, what = "exit_code", f"ended with {ended.message}"
        case Reason.TIMED_OUT:
            code, what = "timeout", f"ran longer than its timeout of {_shown(step.timeout)}"
        case Reason.IDLE:
            code, what = "idle_timeout", f"printed nothing for its idle timeout of {_shown(step.idle_timeout)}"
        case Reason.CANCELLED:
            code, what = "stopped", "was stopped, because the job is to stop"
        case Reason.OOM:
            code, what = "oom", f"ran {ended.message}"
        case Reason.NOT_STARTED:
            code, what = _not_started(ended.message)
        case _:
            assert_never(ended.reason)
    if tries > 1:
        what += f" (the last of {tries} tries)"
    if ended.survivors:
        what += f"; {ended.survivors} of its processes could not be killed"
    timed_out = ended.reason in (Reason.TIMED_OUT, Reason.IDLE)
    return Failure(
        code=code,
        message=told(f"{who} {what}", tail),
        status=AttemptStatus.TIMED_OUT if timed_out else AttemptStatus.FAILED,
        final=code == "not_found",
        stopped=ended.reason is Reason.CANCELLED,
    )


def several(failures: Sequence[Failure], of: int) -> Failure:
    """The failure of a block of gates: all that failed, together."""
    statuses = {each.status for each in failures}
    heading = [f"{len(failures)} of {of} gates failed"] if of > 1 else []
    return Failure(
        code="gate_failed",
        message=jsonguard.clean_text("\n".join(heading + [f.message for f in failures]), max_bytes=MAX_MESSAGE_BYTES),
        status=statuses.pop() if len(statuses) == 1 else AttemptStatus.FAILED,
        final=any(each.final for each in failures),
    )


def told(sentence: str, tail: Sequence[str]) -> str:
    """A sentence and the last lines that were printed, without colours, and not too long."""
    lines = [line.rstrip() for line in (plain(line) for line in tail)]
    text = "\n".join([sentence, *(line for line in lines if line)])
    return jsonguard.clean_text(text, max_bytes=MAX_MESSAGE_BYTES)


def plain(line: str) -> str:
    """A line without colours, titles and cursor movements."""
    return _ESCAPES.sub("", line)


def _not_started(message: str) -> tuple[str, str]:
    if "not found" in message or "No such file" in message:
        return "not_found", f"could not be started, and trying again does not help: {message}"
    return "not_started", f"could not be started: {message}"


def _shown(limit: timedelta | None) -> str:
    return duration.show(limit) if limit is not None else ""
