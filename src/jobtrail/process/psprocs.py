"""The process table of systems without /proc (macOS, BSD), through psutil: the same functions as `procfs`, slower.

Kept runnable on Linux too, so that the tests hold both against the same processes.
"""

from __future__ import annotations

import os
from contextlib import suppress

import psutil  # type: ignore[import-untyped,unused-ignore]

from jobtrail.process.procfs import Proc

_GONE = (psutil.Error, OSError)


def look(pid: int) -> Proc | None:
    """The process with this number, if there is one."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            parent, born, zombie = process.ppid(), process.create_time(), process.status() == psutil.STATUS_ZOMBIE
            cpu = 0.0
            with suppress(*_GONE):  # of a zombie, or of a process of another user, that cannot be read
                times = process.cpu_times()
                cpu = times.user + times.system
                cpu += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    except _GONE:
        return None
    group = session = 0
    with suppress(OSError):
        group, session = os.getpgid(pid), os.getsid(pid)
    return Proc(pid, parent, group, session, born, zombie, cpu)


def everyone() -> list[Proc]:
    """Every process that we may see."""
    return [proc for pid in psutil.pids() if (proc := look(pid)) is not None]


def lists_children() -> bool:
    """psutil finds children only by a look at all processes."""
    return False


def children(pid: int) -> list[int]:
    """The children of a process."""
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except _GONE:
        return []


def environ(pid: int) -> dict[str, str]:
    """The variables that the process was started with; empty if it is gone or not ours to read."""
    try:
        return dict(psutil.Process(pid).environ())
    except _GONE:
        return {}


def memory_bytes(pid: int) -> int:
    """Its memory, what it shares with others included."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except _GONE:
        return 0


def written_bytes(pid: int) -> int:
    """What it wrote, where the system counts it (not on macOS); 0 if we may not know."""
    try:
        process = psutil.Process(pid)
        return int(process.io_counters().write_bytes) if hasattr(process, "io_counters") else 0
    except _GONE:
        return 0


def held_bytes(pid: int) -> int:
    """Memory that only it can give back."""
    try:
        return int(psutil.Process(pid).memory_full_info().uss)
    except _GONE:
        return 0
