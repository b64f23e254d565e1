"""Killing workers in development: which ones the terminal that serves this has started. Nobody else is ever killed here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from jobtrail.core.model import Worker
from jobtrail.worker import host


@dataclass(frozen=True, slots=True)
class Killer:
    """What a terminal lends to its dashboard: the process ids of the workers that it started itself and that run, and
    how one of them is ended by SIGKILL. `kill` answers False for every other process, and touches none."""

    pids: Callable[[], Collection[int]]
    kill: Callable[[int], bool]


def killable(killer: Killer | None, workers: Iterable[Worker]) -> frozenset[UUID]:
    """Which of these workers can be killed from here: none, where no terminal has lent its hand."""
    if killer is None:
        return frozenset()
    pids, here = killer.pids(), host.host_name()
    return frozenset(one.id for one in workers if _lives(one) and one.host == here and one.process_id in pids)


def _lives(worker: Worker) -> bool:
    return worker.stopped_at is None and worker.leased
