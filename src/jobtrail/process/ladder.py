"""Stopping one attempt's tree: asked politely, then killed, then looked for until nothing is left."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable

from jobtrail.process.census import View, send
from jobtrail.process.cgroup import Cgroup
from jobtrail.process.procfs import Proc
from jobtrail.process.sweep import PATIENCE_SECONDS, kill_all
from jobtrail.process.tree import Tree

MANNERS_SECONDS = 1.0  # between SIGTERM and SIGKILL for what is found outside the group, or left behind
LOOKS = 2  # that must find nothing, one after the other: the kernel may leave a child out while its sibling ends
ABANDON_SECONDS = 2.0  # the most that an event loop is held up to kill what nobody will wait for


class Ladder:
    """The rungs, for one tree. The first process must not be waited for while one of them is climbed."""

    def __init__(
        self, tree: Tree, cgroup: Cgroup | None, view: Callable[[], View], grace: float, interrupt: float | None = None
    ) -> None:
        self._tree = tree
        self._cgroup = cgroup
        self._view = view
        self._grace = grace
        self._interrupt = interrupt
        self.killed = False  # the first process got a SIGKILL from us

    def living(self) -> list[Proc]:
        """Every living process of the attempt."""
        if self._cgroup is not None:
            self._tree.remember(self._cgroup.pids())
        return self._tree.members(self._view())

    async def stop_group(self) -> None:
        """SIGINT if wanted, SIGTERM to the group, the grace period, SIGKILL; ends early when the group is gone."""
        self.living()  # who there is, before parents die and take the evidence with them
        if self._interrupt is not None:
            self._tree.signal_group(signal.SIGINT)
            self._tree.signal_group(signal.SIGCONT)
            if await _gone(lambda: self._tree.in_group(self.living()), self._interrupt):
                return
        self._tree.signal_group(signal.SIGTERM)
        self._tree.signal_group(signal.SIGCONT)  # a stopped process could not act on it
        if not await _gone(lambda: self._tree.in_group(self.living()), self._grace):
            self.killed = True
            self._tree.signal_group(signal.SIGKILL)

    async def clear(self, *, politely: bool) -> int:
        """Kill whatever is left, in the group or out of it; how many could not be killed."""
        left = self.living()
        if left and politely and not self.killed:
            for number in (signal.SIGTERM, signal.SIGCONT):
                for proc in left:
                    send(proc, number)
            await _gone(self.living, min(self._grace, MANNERS_SECONDS))
        if self._cgroup is not None:
            self._cgroup.kill()
        end = time.monotonic() + PATIENCE_SECONDS
        quiet = 0
        while time.monotonic() < end:
            left = self.living()
            if not left and not self._tree.restless:
                quiet += 1
                if quiet == LOOKS:
                    return 0
                continue
            quiet = 0
            self.killed = self.killed or any(proc.pid == self._tree.pid for proc in left)
            for proc in left:
                send(proc, signal.SIGKILL)
            # What moves on by forking is caught by looking as fast as it moves; what is dying needs time.
            await asyncio.sleep(0 if self._tree.restless else 0.005)
        return max(len(left), 1)

    def abandon(self) -> None:
        """Kill everything now, without manners and without waiting for the event loop."""
        self.killed = True
        self._tree.signal_group(signal.SIGKILL)
        kill_all(self._living_for_sure, ABANDON_SECONDS)

    def _living_for_sure(self) -> list[Proc]:
        end = time.monotonic() + ABANDON_SECONDS
        while not (living := self.living()) and self._tree.restless and time.monotonic() < end:
            pass
        return living


async def _gone(find: Callable[[], list[Proc]], within: float) -> bool:
    end, pause = time.monotonic() + within, 0.005
    while find():
        if (left := end - time.monotonic()) <= 0:
            return False
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, 0.1)
    return True
