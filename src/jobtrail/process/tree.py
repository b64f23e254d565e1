"""All processes of one attempt: who they are, what they used, and how to signal them. Decides nothing about time."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from jobtrail.process import census
from jobtrail.process.census import View
from jobtrail.process.marks import ATTEMPT, brand_of, read_brand
from jobtrail.process.procfs import Proc


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What an attempt's processes used.

    Exact for whatever this worker could wait for: the first process, all that its descendants waited for, and, where
    orphans come to the worker, those too. The rest, and the peak of memory over the whole tree, is sampled.
    """

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0


class Tree:
    """The processes of one attempt, found by five kinds of evidence, so that none is lost by leaving one of them.

    A process belongs to it if it descends from the first one, is in its session or group, carries its brand or its
    marker in the environment, or did belong to it at an earlier look.
    """

    def __init__(self, pid: int, attempt: str, worker: str = "") -> None:
        self.pid = pid
        self.attempt = attempt
        # At the last look some process had just ended. Its child, born after we asked who there is, may have been missed.
        self.restless = False
        self._dead: set[tuple[int, float]] = set()
        self._brand = brand_of(attempt, worker)
        self._known: dict[int, float] = {}
        # As a process begins as a copy of us, the peak that the kernel tells for it is at least ours.
        self._memory_floor = _peak_of_this_process()
        self._waited_cpu = 0.0
        self._waited_disk = 0
        self._sampled_cpu = 0.0
        self._sampled_disk = 0
        self._memory_peak = census.TABLE.memory_bytes(pid)

    def members(self, view: View | None = None, *, thorough: bool = True) -> list[Proc]:
        """Its living processes; dead ones that came to us as orphans are waited for. `thorough` reads environments."""
        view = view or View((self.pid,))
        strays = [proc.pid for proc in view.loose if proc.pid != self.pid and self._owns(proc, thorough=thorough)]
        queue = [self.pid, *strays, *self._known]
        found: dict[int, Proc] = {}
        me = os.getpid()
        while queue:
            pid = queue.pop()
            proc = view.look(pid) if pid not in found and pid != me else None
            if proc is None or self._known.get(pid, proc.born) != proc.born:
                continue
            found[pid] = proc
            queue += view.children(pid)
        dead = [proc for proc in found.values() if proc.zombie and proc.pid != self.pid]
        seen, self._dead = self._dead, {(proc.pid, proc.born) for proc in dead}
        self.restless = not self._dead <= seen
        for proc in dead:
            if proc.parent == me:
                self.wait_for(proc.pid)
        living = [proc for proc in found.values() if not proc.zombie]
        self._known = {proc.pid: proc.born for proc in living}
        return living

    def _owns(self, proc: Proc, *, thorough: bool) -> bool:
        if self.pid in (proc.session, proc.group):
            return True
        if read_brand(proc.pid) == self._brand:
            return True
        return thorough and census.TABLE.environ(proc.pid).get(ATTEMPT) == self.attempt

    def remember(self, pids: Iterable[int]) -> None:
        """Count these in, on evidence that is found elsewhere."""
        for pid in pids:
            if pid not in self._known and (proc := census.TABLE.look(pid)) is not None:
                self._known[pid] = proc.born

    def in_group(self, procs: Iterable[Proc]) -> list[Proc]:
        """Those that a signal to the first one's group or session reaches."""
        return [proc for proc in procs if self.pid in (proc.group, proc.session)]

    def signal_group(self, number: int) -> None:
        """Signal the whole process group at once. The first process must not have been waited for yet."""
        with suppress(OSError):  # nobody left, or nobody left that we may signal
            os.killpg(self.pid, number)

    def sample(self, view: View) -> int:
        """Look at what is used at this moment; answers the memory, for a limit to be held against."""
        procs = self.members(view, thorough=False)
        memory = sum(census.TABLE.memory_bytes(proc.pid) for proc in procs)
        self._memory_peak = max(self._memory_peak, memory)
        self._sampled_cpu = max(self._sampled_cpu, sum(proc.cpu_seconds for proc in procs))
        written = sum(census.TABLE.written_bytes(proc.pid) for proc in procs)
        self._sampled_disk = max(self._sampled_disk, written)
        return memory

    def held_bytes(self) -> int:
        """Memory that only these processes can give back. Slow: asked only when a limit seems to be passed."""
        return sum(census.TABLE.held_bytes(pid) for pid in list(self._known))

    def wait_for(self, pid: int) -> int | None:
        """Take a dead child's status and add what it used; None if it still lives or is not our child."""
        try:
            done, status, spent = os.wait4(pid, os.WNOHANG)
        except ChildProcessError:
            return None
        if not done:
            return None
        self._waited_cpu += spent.ru_utime + spent.ru_stime
        if sys.platform == "linux":
            self._waited_disk += spent.ru_oublock * 512
        peak = _in_bytes(spent.ru_maxrss)
        if peak > self._memory_floor:
            self._memory_peak = max(self._memory_peak, peak)
        return status

    @property
    def used(self) -> Used:
        """What was used so far, as far as it is known."""
        return Used(
            cpu_seconds=max(self._waited_cpu, self._sampled_cpu),
            memory_bytes=self._memory_peak,
            disk_bytes=max(self._waited_disk, self._sampled_disk),
        )


def _in_bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _peak_of_this_process() -> int:
    return _in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
