"""Which machine and process this is, so that a sibling can tell a dead worker from a living one."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import psutil

_NAMES = (
    *("amber", "ash", "aspen", "birch", "cedar", "clover", "coral", "dune", "elm", "ember", "fern", "flint", "frost"),
    *("hazel", "heron", "iris", "ivy", "jade", "juniper", "kelp", "lark", "linden", "lotus", "maple", "moss", "oak"),
    *("olive", "onyx", "opal", "pearl", "pine", "quartz", "raven", "reed", "river", "rowan", "ruby", "sage", "slate"),
    *("sorrel", "spruce", "swift", "thistle", "topaz", "umber", "violet", "willow", "wren", "yarrow", "zinnia"),
)


def host_name() -> str:
    """What people call this machine."""
    return socket.gethostname()


def host_id() -> str:
    """Tells one boot of one machine, and one process namespace on it, from every other: process ids compare in it."""
    parts = [socket.gethostname()]
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        try:
            parts.append(Path(path).read_text("ascii").strip())
        except OSError:
            parts.append(str(int(psutil.boot_time())))
    try:
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        parts.append("")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]


def worker_name(worker_id: bytes) -> str:
    """A name that people can say; two workers may share it, their ids differ."""
    return f"w-{_NAMES[worker_id[-1] % len(_NAMES)]}-{worker_id[-3:-1].hex()}"


def process_started() -> float:
    """When this process began, in Unix seconds by the host's clock."""
    return psutil.Process().create_time()


def is_running(process_id: int, started: float) -> bool:
    """Whether the process of that number that began at `started` still runs; both by this host's clock."""
    try:
        process = psutil.Process(process_id)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1.0
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
