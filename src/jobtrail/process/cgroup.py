"""A cgroup (version 2) for one attempt: the kernel then counts, limits and kills the whole tree itself.

Only inside a folder that was given to us for that purpose; where there is none, `tree` and `meter` do the same from
outside. As the first process is moved in just after its start, they stay at work here too.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path


def delegated() -> Path | None:
    """The folder in which this worker may make cgroups, if the service manager gave it one; None otherwise.

    systemd does with `Delegate=yes` and `DelegateSubgroup=worker` in the unit: the worker then sits one level below.
    """
    own = _own()
    if own is None or own.parent == own:
        return None
    parent = own.parent
    if not _is_delegated(parent) or not os.access(parent, os.W_OK):
        return None
    try:
        if "memory" not in (parent / "cgroup.subtree_control").read_text().split():
            (parent / "cgroup.subtree_control").write_text("+memory")
    except OSError:  # the controller is not given to us, or processes sit in that folder itself
        return None
    return parent


def _own() -> Path | None:
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::/") and Path("/sys/fs/cgroup/cgroup.controllers").exists():
                return Path("/sys/fs/cgroup") / line.removeprefix("0::/")
    return None


def _is_delegated(folder: Path) -> bool:
    if sys.platform == "linux":
        for name in ("user.delegate", "trusted.delegate"):
            with suppress(OSError):
                if os.getxattr(folder, name) == b"1":
                    return True
    return False


class Cgroup:
    """The cgroup of one attempt."""

    def __init__(self, parent: Path, name: str, memory_limit: int | None) -> None:
        self.path = parent / f"attempt-{name}"
        self.path.mkdir(exist_ok=True)
        if memory_limit is not None:
            (self.path / "memory.max").write_text(str(memory_limit))
            for file, value in (("memory.swap.max", "0"), ("memory.oom.group", "1")):
                with suppress(OSError):  # no swap accounting, or an older kernel
                    (self.path / file).write_text(value)

    def add(self, pid: int) -> None:
        """Move a process in; what it starts from now on is born inside."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def pids(self) -> list[int]:
        """Who is inside."""
        with suppress(OSError, ValueError):
            return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]
        return []

    def kill(self) -> None:
        """SIGKILL everybody inside at once, also who is just being born (kernel 5.14)."""
        with suppress(OSError):
            (self.path / "cgroup.kill").write_text("1")

    def oom_kills(self) -> int:
        """How often the kernel killed inside because of the limit."""
        return oom_kills_in(self.path / "memory.events")

    def remove(self) -> None:
        """Give it back; it stays, empty of ours, if something inside could not be killed."""
        with suppress(OSError):
            self.path.rmdir()


@cache
def oom_counter() -> Path | None:
    """The kernel's count of kills for want of memory: of our own cgroup if it has one, else of the machine."""
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                file = Path("/sys/fs/cgroup/memory") / path.lstrip("/") / "memory.oom_control"
            else:
                file = Path("/sys/fs/cgroup") / path.lstrip("/") / "memory.events"
            if file.exists():
                return file
    machine = Path("/proc/vmstat")
    return machine if machine.exists() else None


def oom_kills_in(file: Path | None) -> int:
    """The counter `oom_kill` in a kernel file of `name value` lines; 0 if there is none."""
    if file is None:
        return 0
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return 0
