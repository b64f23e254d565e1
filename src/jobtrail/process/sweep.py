"""Killing for sure: every process that carries a mark, until a look finds none. Synchronous, for a worker's start.

An attempt that runs is stopped by `supervise`; this is for what a dead worker left, and for `supervise` in an error.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from jobtrail.process import census
from jobtrail.process.census import View, send
from jobtrail.process.marks import ATTEMPT, WORKER, brand_of, read_brand
from jobtrail.process.procfs import Proc

PATIENCE_SECONDS = 5.0  # a killed process that waits for a disk dies late; longer than this is the operator's business
PAUSE_SECONDS = 0.01


def kill_all(find: Callable[[], list[Proc]], patience: float = PATIENCE_SECONDS) -> tuple[int, int]:
    """SIGKILL whatever `find` finds, again and again until it finds nothing; how many were killed, how many are left.

    Killing one can uncover another (its orphan, or one that it was just starting), so a single pass is not enough.
    """
    killed: set[tuple[int, float]] = set()
    end = time.monotonic() + patience
    while living := find():
        if time.monotonic() > end:
            return len(killed), len(living)
        before = len(killed)
        fresh = [proc for proc in living if (proc.pid, proc.born) not in killed]
        killed.update((proc.pid, proc.born) for proc in fresh if send(proc, signal.SIGKILL))
        if len(killed) == before:  # all that is left is dying, or is not ours to kill
            time.sleep(PAUSE_SECONDS)
    return len(killed), 0


def sweep(marker: str) -> int:
    """Kill every process that carries this attempt's or this worker's mark; how many there were.

    For a worker that takes up an attempt, or a worker's name, after a predecessor that was killed.
    """
    if not marker:
        raise ValueError("an empty marker would match what belongs to nobody: name an attempt or a worker")
    attempt, worker = brand_of(marker, "").attempt, brand_of("", marker).worker

    def carries(proc: Proc) -> bool:
        brand = read_brand(proc.pid)
        if brand is not None and (brand.attempt == attempt or brand.worker == worker):
            return True
        env = census.TABLE.environ(proc.pid)
        return marker in (env.get(ATTEMPT), env.get(WORKER))

    return kill_all(lambda: _others(carries))[0]


def sweep_orphans(alive: Callable[[str], bool]) -> list[str]:
    """Kill the processes of every attempt that is no longer alive; the attempts that had some.

    `alive` is asked once for each attempt found on this machine, also for those of other installations here: it must
    answer True for an attempt that it does not know.
    """
    asked: dict[str, bool] = {}

    def orphaned(proc: Proc) -> bool:
        attempt = census.TABLE.environ(proc.pid).get(ATTEMPT)
        if attempt is None:
            return False
        if attempt not in asked:
            asked[attempt] = alive(attempt)
        return not asked[attempt]

    kill_all(lambda: _others(orphaned))
    dead = [attempt for attempt, is_alive in asked.items() if not is_alive]
    for attempt in dead:
        sweep(attempt)  # those that lost the marker in words
    return dead


def _others(matches: Callable[[Proc], bool]) -> list[Proc]:
    """Living processes that match, but never this one nor those that it runs in; our own dead are waited for."""
    me = os.getpid()
    found = [proc for proc in View(whole=True).loose if matches(proc)]
    for proc in found:
        if proc.zombie and proc.parent == me:
            with suppress(ChildProcessError):
                os.waitpid(proc.pid, os.WNOHANG)
    return [proc for proc in found if not proc.zombie]
