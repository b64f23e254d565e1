"""Checks inputs before their jobs take a slot: takes some jobs beside the slots, lets their runner look, tells the verdict."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from jobtrail.core.errors import JobtrailError
from jobtrail.core.jsonguard import clean_text
from jobtrail.core.status import JobStatus
from jobtrail.runners.context import Context
from jobtrail.runners.protocol import Assignment, Runner
from jobtrail.runners.registry import has_check
from jobtrail.service import validations
from jobtrail.service.validations import Validation
from jobtrail.store.query import Query, nothing
from jobtrail.worker.checking import CheckDesk
from jobtrail.worker.desk import Room
from jobtrail.worker.link import Link
from jobtrail.worker.pause import until
from jobtrail.worker.plan import Plan

log = logging.getLogger("jobtrail.worker")

AT_ONCE: Final = 4
"""So many checks run at once; they take no slot."""
_LOOK_SECONDS: Final = 1.0
_UNSURE_SECONDS: Final = 65.0


class _Check:
    """One check. `ending`: it has its verdict, which must be written."""

    __slots__ = ("ending", "task", "validation")

    def __init__(self, validation: Validation) -> None:
        self.validation = validation
        self.task: asyncio.Task[None] | None = None
        self.ending = False

    def interrupt(self) -> None:
        """Ends it, unless it has ended."""
        if self.task is not None and not self.ending:
            self.task.cancel()


class Validator:
    """The checks of one worker. Runners without a `check` are none of its business."""

    def __init__(
        self,
        room: Room,
        link: Link,
        worker_id: UUID,
        runners: Mapping[str, Runner],
        plan: Plan,
        hear: Callable[[str], None],
    ) -> None:
        self._room, self._link, self._worker_id, self._plan, self._hear = room, link, worker_id, plan, hear
        self._checks: dict[str, Any] = {type: runner for type, runner in runners.items() if has_check(runner)}
        self._running: dict[UUID, _Check] = {}
        self._taking = asyncio.Lock()
        self._unsure_until = 0.0
        self._closing = False
        self.left_alone: frozenset[str] = frozenset()
        self.wake = asyncio.Event()

    async def run(self) -> None:
        """Checks until it is cancelled."""
        while self._checks:
            self.wake.clear()  # before it looks: a hint that comes meanwhile is not lost
            async with self._taking:
                await self._take()
            if self._running:
                await self._drop_what_is_gone()
            pause = min(self._plan.poll_seconds, _LOOK_SECONDS) if self._running else self._plan.poll_seconds
            await until(self.wake, pause * random.uniform(0.8, 1.2))  # noqa: S311  (no secret)

    async def close(self) -> None:
        """Takes no more, and gives back what it has."""
        self._closing = True
        async with self._taking:  # what is being taken is known first
            pass
        tasks = [check.task for check in self._running.values() if check.task is not None]
        for check in self._running.values():
            check.interrupt()
        if tasks:
            await asyncio.wait(tasks, timeout=self._plan.grace_seconds)
        for check in list(self._running.values()):  # those that do not let themselves be interrupted
            with contextlib.suppress(JobtrailError):
                await self._link.once(validations.give_back(check.validation, self._worker_id))

    async def _take(self) -> None:
        free = AT_ONCE - len(self._running)
        queues = [queue for queue in self._plan.queues if queue not in self.left_alone]
        if free <= 0 or self._closing or not queues:
            return
        try:
            if time.monotonic() < self._unsure_until:
                for stray in await self._link.once(validations.strays(self._worker_id, list(self._running))):
                    await self._link.once(validations.give_back(stray, self._worker_id))
            taken = await self._link.once(validations.take(self._worker_id, queues, tuple(self._checks), free))
        except JobtrailError as error:
            log.warning("cannot take jobs to check: %s", error)
            self._unsure_until = time.monotonic() + _UNSURE_SECONDS
            return
        for one in taken:
            self._running[one.token] = check = _Check(one)
            check.task = asyncio.create_task(self._check(check), name=f"check of job {one.job_id}")

    async def _drop_what_is_gone(self) -> None:
        """Interrupts the checks of jobs that were cancelled, or that somebody else has by now."""
        known = list(self._running)
        try:
            held = await self._link.once(validations.held(self._worker_id, known))
        except JobtrailError:
            return
        for token in known:
            if token not in held and token in self._running:
                self._running[token].interrupt()

    async def _check(self, check: _Check) -> None:
        one = check.validation
        try:
            verdict = await self._verdict(one, CheckDesk(self._room, one))
        except asyncio.CancelledError:
            verdict = validations.give_back(one, self._worker_id)  # does nothing where it is no longer ours
        check.ending = True
        try:
            if await self._room.execute(verdict) is JobStatus.QUEUED:
                self._hear(one.queue)
                await self._room.execute(Query("verbs/nudge", (one.queue,), nothing))
        except JobtrailError as error:
            log.error("the check of job %s could not be written: %s", one.job_id, error)  # noqa: TRY400  (it says it all)
            self._unsure_until = time.monotonic() + _UNSURE_SECONDS  # it is given back as one that nobody knows of
        finally:
            self._running.pop(one.token, None)
            self.wake.set()

    async def _verdict(self, one: Validation, desk: CheckDesk) -> Any:
        limit = self._plan.validation_seconds
        given = Assignment(one.job_id, one.workspace_id, one.token, one.type, 0, one.generation, one.input)
        try:
            async with asyncio.timeout(limit):
                faults: Mapping[str, str] = await self._checks[one.type].check(Context(given, desk))
            said = {clean_text(str(path), max_bytes=255): desk.redact(str(fault)) for path, fault in faults.items()}
        except asyncio.CancelledError:
            raise
        except TimeoutError as error:
            return self._broke(one, str(error) or f"it took longer than {limit:g} s")
        except BaseException as error:  # noqa: BLE001  the runner's edge: whatever it raises is no verdict
            return self._broke(one, desk.redact(f"{type(error).__name__}: {error}"))
        return validations.refused(one, self._worker_id, said) if said else validations.passed(one, self._worker_id)

    def _broke(self, one: Validation, why: str) -> Any:
        log.warning("the check of job %s (%s) broke: %s", one.job_id, one.type, why)
        return validations.broke(
            one, self._worker_id, why, timedelta(seconds=self._plan.validation_again_seconds * 2**one.tries)
        )
