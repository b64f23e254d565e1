"""The words for how a command ended, and what may be inferred of its memory."""

from __future__ import annotations

from datetime import timedelta

from jobtrail.process.ended import Reason, in_words, inferred_oom


def test_every_reason_is_told_in_words() -> None:
    limit = timedelta(seconds=90)
    assert in_words(Reason.EXITED, 0, None) == in_words(Reason.EXITED, None, None) == ""
    assert in_words(Reason.EXITED, 3, None) == "exit code 3"
    assert in_words(Reason.EXITED, -11, None) == "died of SIGSEGV"
    assert in_words(Reason.EXITED, -99, None) == "died of signal 99"
    assert in_words(Reason.TIMED_OUT, -15, limit) == "stopped: it ran longer than its limit of 0:01:30"
    assert in_words(Reason.IDLE, -15, limit) == "stopped: it printed nothing for 0:01:30"
    assert in_words(Reason.CANCELLED, 0, None) == "stopped: it was cancelled"


def verdict(
    code: int, *, cgroup_kills: int = 0, kernel_kills: int = 0, killed_by_us: bool = False, limit: int | None = None
) -> str:
    return inferred_oom(
        code, cgroup_kills=cgroup_kills, kernel_kills=kernel_kills, killed_by_us=killed_by_us, peak=10, limit=limit
    )


def test_out_of_memory_is_inferred_from_evidence_only() -> None:
    assert verdict(-9) == verdict(0, cgroup_kills=1) == verdict(-11, kernel_kills=1) == ""
    assert verdict(-9, kernel_kills=1, killed_by_us=True) == verdict(1, limit=10) == verdict(0, limit=9) == ""
    assert verdict(1, cgroup_kills=1, limit=5).startswith("out of memory: the kernel killed it at its limit of 5")
    assert verdict(-9, kernel_kills=1).startswith("out of memory, as it seems: it got a SIGKILL")
    assert verdict(137, kernel_kills=1).startswith("out of memory, as it seems: it got a SIGKILL")
    assert verdict(1, limit=9).startswith("out of memory, as it seems: it failed after using 10 bytes")
