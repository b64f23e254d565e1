"""The process table of Linux, read from /proc. Looks only; `psprocs` has the same functions for other systems.

A process may end between any two of these lines: whatever cannot be read is simply not there.
"""

from __future__ import annotations

import os
from functools import cache
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Proc(NamedTuple):
    """One process at one moment. `pid` with `born` names it for good: the number alone is given out again."""

    pid: int
    parent: int
    group: int
    session: int
    born: float
    zombie: bool
    cpu_seconds: float  # its own and that of the children that it has waited for


def _read(path: str, size: int = 4096, *, whole: bool = False) -> bytes:
    """What is in a file of the kernel. A long one comes in pieces that may be shorter than asked for: ask for `whole`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        data = block = os.read(fd, size)
        while whole and block:
            block = os.read(fd, size)
            data += block
        return data
    except OSError:
        return b""
    finally:
        os.close(fd)


def look(pid: int) -> Proc | None:
    """The process with this number, if there is one."""
    stat = _read(f"/proc/{pid}/stat")
    if not stat:
        return None
    field = stat[stat.rindex(b")") + 2 :].split()
    # A leader thread that has ended while others run shows as Z as well: then there is more than one thread.
    zombie = field[0] in (b"Z", b"X") and int(field[17]) <= 1
    ticks = int(field[11]) + int(field[12]) + int(field[13]) + int(field[14])
    return Proc(
        pid,
        int(field[1]),
        int(field[2]),
        int(field[3]),
        float(field[19]),
        zombie,
        ticks / _TICKS,
    )


def everyone() -> list[Proc]:
    """Every process that we may see. About 12 µs each; prefer `children` where it is available."""
    return [proc for name in os.listdir("/proc") if name.isdigit() and (proc := look(int(name))) is not None]


@cache
def lists_children() -> bool:
    """Whether the kernel can name the children of a process without a look at all processes."""
    return os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")


def children(pid: int) -> list[int]:
    """The children of a process, of whichever of its threads. A child may be missed while its sibling ends."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(child) for tid in threads for child in _read(f"/proc/{pid}/task/{tid}/children", whole=True).split()]


def environ(pid: int) -> dict[str, str]:
    """The variables that the process was started with; empty if it is gone, not ours to read, or wrote over them."""
    pairs = (entry.partition(b"=") for entry in _read(f"/proc/{pid}/environ", 65536, whole=True).split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, equals, value in pairs if equals}


def memory_bytes(pid: int) -> int:
    """Its memory, what it shares with others included. Not from `stat`: that one is a guess on many cores."""
    sizes = _read(f"/proc/{pid}/statm").split()
    return int(sizes[1]) * _PAGE if sizes else 0


def written_bytes(pid: int) -> int:
    """What it sent to disks, its waited-for children included; 0 if we may not know."""
    for line in _read(f"/proc/{pid}/io").splitlines():
        if line.startswith(b"write_bytes:"):
            return int(line[12:])
    return 0


def held_bytes(pid: int) -> int:
    """Memory that only it can give back: its share of anonymous and shared memory, without cached files. Slow."""
    total = whole = 0
    for line in _read(f"/proc/{pid}/smaps_rollup", whole=True).splitlines():
        if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")):
            total += int(line.split()[1]) * 1024
        elif line.startswith(b"Pss:"):
            whole = int(line.split()[1]) * 1024
    return total or whole
