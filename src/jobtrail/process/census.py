"""Which processes exist and who started whom: one look at the process table, shared by all who ask at that moment."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from collections.abc import Collection
from contextlib import closing
from functools import cache
from typing import Protocol

from jobtrail.process import procfs, psprocs
from jobtrail.process.procfs import Proc

_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37


class Table(Protocol):
    """How to read the process table; `procfs` and `psprocs` are two."""

    def look(self, pid: int) -> Proc | None: ...
    def everyone(self) -> list[Proc]: ...
    def lists_children(self) -> bool: ...
    def children(self, pid: int) -> list[int]: ...
    def environ(self, pid: int) -> dict[str, str]: ...
    def memory_bytes(self, pid: int) -> int: ...
    def written_bytes(self, pid: int) -> int: ...
    def held_bytes(self, pid: int) -> int: ...


TABLE: Table = procfs if sys.platform == "linux" else psprocs


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> bool:
    """Have orphans among our descendants become our children, not those of process 1. Once per worker, at its start.

    Then nothing that a job started can leave our sight, and looking for it is cheap. False where there is no such
    thing.
    """
    if sys.platform != "linux":
        return False
    done: int = _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return done == 0


def is_subreaper() -> bool:
    """Whether orphans among our descendants come to us."""
    if sys.platform != "linux":
        return False
    answer = ctypes.c_int(0)
    done: int = _libc().prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return done == 0 and answer.value == 1


class View:
    """One look. `loose` are the processes that only a mark can tell the owner of.

    If orphans come to us, these are our own children that nobody is known to supervise, and nothing else need be
    read; else, and when `whole` is asked for, it is everybody on the machine but us and those that we run in.
    """

    __slots__ = ("_all", "_below", "loose")

    def __init__(self, supervised: Collection[int] = (), *, whole: bool = False) -> None:
        self._all: dict[int, Proc] | None = None
        self._below: dict[int, list[int]] = {}
        me = os.getpid()
        if not whole and TABLE.lists_children() and is_subreaper():
            own = [pid for pid in TABLE.children(me) if pid not in supervised]
            self.loose = [proc for pid in own if (proc := TABLE.look(pid)) is not None]
            return
        self._all = {proc.pid: proc for proc in TABLE.everyone()}
        for proc in self._all.values():
            self._below.setdefault(proc.parent, []).append(proc.pid)
        spared = self.ancestors(me) | {me}
        self.loose = [proc for proc in self._all.values() if proc.pid not in spared]

    def look(self, pid: int) -> Proc | None:
        """The process with this number."""
        return TABLE.look(pid) if self._all is None else self._all.get(pid)

    def children(self, pid: int) -> list[int]:
        """Who has this process for a parent."""
        return TABLE.children(pid) if self._all is None else self._below.get(pid, [])

    def ancestors(self, pid: int) -> set[int]:
        """The parent, its parent, and so on."""
        line: set[int] = set()
        while (proc := self.look(pid)) is not None and proc.parent > 0 and proc.parent not in line:
            pid = proc.parent
            line.add(pid)
        return line


def send(proc: Proc, number: int) -> bool:
    """Signal exactly this process, never another one that was given its number since. False if that is not possible."""
    handle = None
    try:
        if sys.platform == "linux":
            handle = exit_handle(proc.pid)
        now = TABLE.look(proc.pid)
        if now is None or now.born != proc.born:
            return False
        if sys.platform == "linux" and handle is not None:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(proc.pid, number)
    except OSError:  # gone meanwhile, or another user's
        return False
    else:
        return True
    finally:
        if handle is not None:
            os.close(handle)


def exit_handle(pid: int) -> int | None:
    """A descriptor that is readable once this process has ended, whoever's child it is; None if the system has none.

    On Linux it also names the process: it never comes to mean another one. Raises ProcessLookupError.
    """
    if sys.platform == "linux":
        try:
            return os.pidfd_open(pid)
        except ProcessLookupError:
            raise
        except OSError:  # a kernel before 5.3, or a sandbox without it
            return None
    else:
        with closing(select.kqueue()) as queue:
            event = select.kevent(pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
            queue.control([event], 0)
            return os.dup(queue.fileno())
