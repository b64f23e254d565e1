"""How a command ended, in words: the reason, what the evidence for it is, what is only inferred. No process here."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import assert_never

from jobtrail.process.tree import Used

_OUT_OF_MEMORY_CODES = (-signal.SIGKILL, 128 + signal.SIGKILL)  # a shell tells its child's SIGKILL as 137


class Reason(StrEnum):
    """Why the command is over. The exit code or signal that came of it is told apart from that."""

    EXITED = "EXITED"
    TIMED_OUT = "TIMED_OUT"
    IDLE = "IDLE"
    CANCELLED = "CANCELLED"
    OOM = "OOM"
    NOT_STARTED = "NOT_STARTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended. `signal` is what the command died of, ours or another; `message` says the reason to people.

    OOM is certain if we measured the tree above its limit and killed it, or if its own cgroup counted a kill; else it
    is inferred, and the message says so: a SIGKILL that was not ours while the kernel counted a kill for memory, or
    a failure after a peak above the limit.
    """

    reason: Reason
    exit_code: int | None = None
    signal: int | None = None
    usage: Used = field(default_factory=Used)
    survivors: int = 0
    duration: timedelta = timedelta()
    message: str = ""
    dropped_bytes: int = 0


def name_of_signal(number: int) -> str:
    """SIGSEGV rather than 11, where there is such a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _exited(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"died of {name_of_signal(-code)}"


def in_words(reason: Reason, code: int | None, limit: timedelta | None) -> str:
    """One sentence for people; empty for a command that ended by itself with exit code 0."""
    match reason:
        case Reason.EXITED:
            return _exited(code) if code else ""
        case Reason.TIMED_OUT:
            return f"stopped: it ran longer than its limit of {limit}"
        case Reason.IDLE:
            return f"stopped: it printed nothing for {limit}"
        case Reason.CANCELLED:
            return "stopped: it was cancelled"
        case Reason.OOM | Reason.NOT_STARTED:
            return ""
        case _:
            assert_never(reason)


def inferred_oom(
    code: int | None, *, cgroup_kills: int, kernel_kills: int, killed_by_us: bool, peak: int, limit: int | None
) -> str:
    """What says that a command that failed by itself did so for want of memory; empty if nothing does."""
    if not code:
        return ""
    if cgroup_kills:
        return f"out of memory: the kernel killed it at its limit of {limit} bytes"
    if kernel_kills and code in _OUT_OF_MEMORY_CODES and not killed_by_us:
        return "out of memory, as it seems: it got a SIGKILL that was not ours, while the kernel killed for memory"
    if limit is not None and peak > limit:
        return f"out of memory, as it seems: it failed after using {peak} bytes, more than its limit of {limit}"
    return ""
