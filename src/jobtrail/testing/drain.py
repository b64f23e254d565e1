"""Runs what is due, in this process and through the worker itself, until nothing is ready any more."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from jobtrail.client import Client
from jobtrail.core.model import Job
from jobtrail.core.status import JobStatus, WaitReason
from jobtrail.core.why import sentence
from jobtrail.runners import registry
from jobtrail.runners.protocol import Runner
from jobtrail.service import gates, settling, upkeep, workers
from jobtrail.service.jobs import Filter
from jobtrail.store.pool import Database, Dial
from jobtrail.worker.plan import Plan
from jobtrail.worker.worker import Worker

_POLL_SECONDS: Final = 0.02
_PAGE: Final = 200
_SHOWN: Final = 10
_AT_WORK: Final = (JobStatus.QUEUED, JobStatus.RUNNING)
_CHECKED: Final = (JobStatus.PENDING, JobStatus.VALIDATING)


class Stuck(AssertionError):  # noqa: N818  (told as a failed assertion, and read as a word)
    """Jobs wait for what will not come by itself, or run too long."""


@dataclass(slots=True, kw_only=True)
class Drain:
    """One drain. `clients` are one for each workspace under test, `house` does upkeep in all of them. Setting `killed`
    ends it as a kill ends a worker."""

    url: str = field(repr=False)
    house: Database
    clients: Sequence[Client]
    runners: Mapping[str, Runner]
    folder: Path
    slots: int = 1
    patience: float = 30.0
    leave: frozenset[str] = frozenset()
    killed: threading.Event = field(default_factory=threading.Event)

    def run(self, queues: Iterable[str], until: Callable[[], bool] | None = None, *, time_passes: bool = True) -> None:
        """Runs to the end. In a thread where an event loop runs already, so that async tests may call it too."""
        __tracebackhide__ = True
        work = self._through(set(queues) | {"default"}, until, time_passes=time_passes)
        if _in_event_loop():
            with ThreadPoolExecutor(1) as thread:
                stuck = thread.submit(asyncio.run, work).result()
        else:
            stuck = asyncio.run(work)
        if stuck is not None:
            raise Stuck(stuck)

    async def _through(self, queues: set[str], until: Callable[[], bool] | None, *, time_passes: bool) -> str | None:
        """A worker for all queues that have work; another one when a job adds a queue. Answers what is stuck."""
        deadline = time.monotonic() + self.patience
        while True:
            worker = Worker(Dial(url=self.url), self._known(), self._plan(queues))
            working = asyncio.create_task(worker.run())
            stuck: str | None = "the drain was broken off"
            try:
                stuck, added = await self._watch(working, queues, until, deadline, time_passes=time_passes)
            finally:
                if self.killed.is_set():
                    working.cancel()
                worker.stop(at_once=stuck is not None)
                await asyncio.wait({working})
            if not working.cancelled() and (error := working.exception()) is not None:
                raise error
            if stuck is not None or not added:
                return stuck
            queues |= added

    async def _watch(
        self,
        working: asyncio.Task[None],
        queues: set[str],
        until: Callable[[], bool] | None,
        deadline: float,
        *,
        time_passes: bool,
    ) -> tuple[str | None, set[str]]:
        """Waits until nothing is ready; answers what is stuck, and the queues that nobody serves yet."""
        pause = 0.001
        while not self.killed.is_set():
            busy, unknown = await asyncio.to_thread(self._busy)
            moved, next_due = await asyncio.to_thread(self._move)
            if until is not None and await asyncio.to_thread(until):
                break
            if unknown is not None:
                return unknown, set()
            if added := {job.queue for job in busy} - queues:
                return None, added
            if not busy and not moved:
                if until is None:
                    break
                if not time_passes or next_due is None or time.monotonic() + next_due > deadline:
                    return await asyncio.to_thread(self._told, "what was waited for cannot come by itself"), set()
            if time.monotonic() > deadline:
                return await asyncio.to_thread(self._told, f"jobs are not done after {self.patience:g} s"), set()
            await asyncio.wait({working}, timeout=pause)
            if working.done():
                return "the worker of this drain stopped by itself; its log says why", set()
            pause = min(pause * 1.5, _POLL_SECONDS)
        return None, set()

    def _next_check(self, now: datetime) -> float | None:
        """In how many seconds the next check of an input that broke is done again."""
        due = [
            (job.scheduled_at - now).total_seconds()
            for client in self.clients
            for job in _all(client, (JobStatus.PENDING,), (str(WaitReason.VALIDATION),))
            if _waits(job, now) and job.scheduled_at is not None
        ]
        return min(due, default=None)

    def _busy(self) -> tuple[list[Job], str | None]:
        """The jobs that run, or are ready and not kept back by a pause; and what is wrong when nobody knows a type."""
        busy = []
        now = self.house.run(workers.clock())
        for client in self.clients:
            paused = {queue.queue for queue in client.queues() if queue.paused_at is not None}
            for job in _at_work(client):
                if job.status in (JobStatus.RUNNING, JobStatus.VALIDATING):
                    busy.append(job)
                elif job.queue not in paused and job.type not in self.leave and not _waits(job, now):
                    if job.type not in self.runners and job.type not in registry.discover():
                        return busy, _unknown(job, self.runners)
                    busy.append(job)
        return busy, None

    def _move(self) -> tuple[int, float | None]:
        """What upkeep does: starts what is due, ends what is over, takes jobs from workers that are gone."""
        staged = self.house.run(upkeep.stage())
        expired, _ = self.house.run(gates.expire())
        lost = self.house.run(workers.rescue())
        settled = self.house.run(settling.page())
        dues = (staged.next_due_seconds, self._next_check(self.house.run(workers.clock())))
        moved = staged.moved + expired + len(lost) + settled.moved
        return moved, min((due for due in dues if due is not None), default=None)

    def _known(self) -> dict[str, Runner]:
        """The runners; installed ones only where there are jobs for them, because loading them takes time."""
        wanted = {job.type for client in self.clients for job in _at_work(client)}
        installed = registry.load(tuple(wanted - set(self.runners))) if wanted - set(self.runners) else {}
        known = {**installed, **self.runners}
        return {type: runner for type, runner in known.items() if type not in self.leave}

    def _plan(self, queues: set[str]) -> Plan:
        return Plan(
            queues=tuple(sorted(queues)),
            slots=self.slots,
            lease_seconds=60.0,
            beat_seconds=10.0,
            poll_seconds=_POLL_SECONDS,
            grace_seconds=1.0,
            drain_seconds=self.patience,
            assets_dir=self.folder / "assets",
            work_dir=self.folder / "work",
            homes_dir=self.folder / "homes",
            upkeep=False,
        )

    def _told(self, what: str) -> str:
        """Which jobs are not done, and why."""
        lines = [
            f"  {job.type} {job.id}: {sentence(client.facts(job.id))}"
            for client in self.clients
            for job in _all(client, (*_AT_WORK, *_CHECKED))
        ]
        more = [f"  … and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        return "\n".join([f"{what}:", *lines[:_SHOWN], *more])


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _waits(job: Job, now: datetime) -> bool:
    """Whether the check of its input broke and is to be done again later."""
    return job.status == JobStatus.PENDING and job.scheduled_at is not None and job.scheduled_at > now


def _at_work(client: Client) -> list[Job]:
    """What a worker would do something with."""
    return _all(client, _AT_WORK) + _all(client, _CHECKED, (str(WaitReason.VALIDATION),))


def _all(client: Client, statuses: tuple[JobStatus, ...], wait_reason: tuple[str, ...] | None = None) -> list[Job]:
    found: list[Job] = []
    wanted = Filter(statuses=statuses, wait_reason=wait_reason)
    page = client.list_jobs(wanted, limit=_PAGE)
    while page:
        found += page
        page = client.list_jobs(wanted, before=page[-1].id, limit=_PAGE) if len(page) == _PAGE else []
    return found


def _unknown(job: Job, runners: Mapping[str, Runner]) -> str:
    known = ", ".join(sorted(runners)) or "none"
    return (
        f"job {job.id} is ready, but nobody here knows its type {job.type!r} (known: {known}). Bind its app with "
        f"jobtrail.use(app), or leave it where it is with jobtrail.drain(leave=[{job.type!r}])"
    )
