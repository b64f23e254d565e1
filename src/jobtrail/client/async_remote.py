"""AsyncRemoteClient: the verbs over HTTP that async code needs most, awaited. It sends what `asks` says."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from datetime import timedelta
from typing import Any, Self, TypeVar, cast
from uuid import UUID

import httpx2

from jobtrail.client import asks, wire
from jobtrail.client.answers import Answer, Lost, sending
from jobtrail.client.budgets import AsyncBudgets, BudgetAsks
from jobtrail.client.schedule_asks import ScheduleAsks
from jobtrail.client.schedules import AsyncSchedules
from jobtrail.client.talk import Ask, Pause, Reading, Talk, Watch, Watched
from jobtrail.client.task_asks import TaskAsks
from jobtrail.client.tasks import AsyncProjects, AsyncTasks, Awaits
from jobtrail.client.verbs import Ended
from jobtrail.core.model import Event, Job, Result
from jobtrail.core.status import JobStatus
from jobtrail.service.jobs import Change, Enqueued, Filter, NewJob
from jobtrail.store.db import AsyncConnection

T = TypeVar("T")

log = logging.getLogger("jobtrail.client")


class AsyncRemoteClient:
    """The verbs over HTTP that async code needs most, awaited; `arun` takes any other one as a value."""

    def __init__(self, url: str, key: str | None = None, *, patience: timedelta = wire.PATIENCE) -> None:
        self.url = wire.address(url)
        self._headers = wire.headers(key)
        self._patience = patience.total_seconds()
        self._http: tuple[asyncio.AbstractEventLoop, httpx2.AsyncClient] | None = None

    @property
    def schedules(self) -> AsyncSchedules:
        """The verbs on schedules."""
        return AsyncSchedules(ScheduleAsks(), cast("Awaits", self.arun), wire.tell_nobody)

    @property
    def budgets(self) -> AsyncBudgets:
        """The verbs on budgets."""
        return AsyncBudgets(BudgetAsks(), cast("Awaits", self.arun), wire.tell_nobody)

    @property
    def tasks(self) -> AsyncTasks:
        """The verbs on tasks."""
        return AsyncTasks(TaskAsks(), cast("Awaits", self.arun), wire.tell_nobody)

    @property
    def projects(self) -> AsyncProjects:
        """The verbs on projects."""
        return AsyncProjects(TaskAsks(), cast("Awaits", self.arun))

    async def arun(self, work: Ask[T] | Talk[T]) -> T:
        """Runs any verb as a value."""
        if isinstance(work, Ask):
            return await _adriven(sending(work, self._patience), self._perform)
        return await _adriven(work, self._do)

    async def enqueue_all(self, wanted: Sequence[NewJob], *, conn: AsyncConnection | None = None) -> Enqueued:
        """Accepts jobs, all or none; at most 10 000. Raises Invalid with `conn`: over HTTP there is no transaction."""
        wire.refuse(conn)
        return await self.arun(asks.enqueue_all(wanted))

    async def enqueue_once(self, wanted: NewJob, key: str) -> tuple[UUID, bool]:
        """Accepts a job under an idempotency key; answers its id and whether it is new. Raises IdempotencyConflict."""
        return await self.arun(asks.enqueue_once(wanted, key))

    async def get(self, job_id: UUID) -> Job:
        """One job. Raises NotFound."""
        return await self.arun(asks.get(job_id))

    async def result(self, job_id: UUID) -> Result | None:
        """What a job made, None while it has made nothing."""
        return await self.arun(asks.result(job_id))

    async def list_jobs(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> list[Job]:
        """A page of jobs, newest first."""
        return (await self.arun(asks.page(filter, before, limit))).jobs

    async def events(self, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The trail of a job after a sequence number."""
        return await self.arun(asks.events(job_id, after, limit))

    async def cancel(self, job_id: UUID, reason: str | None = None) -> JobStatus:
        """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""
        return await self.arun(asks.cancel(job_id, reason))

    async def signal(self, job_id: UUID, name: str, payload: object = None) -> bool:
        """Says something to a job under a name; answers whether it is the first of that name. Raises NotFound, Conflict."""
        return await self.arun(asks.signal(job_id, name, payload))

    async def retry(self, job_id: UUID) -> int:
        """Tries a FAILED or CANCELLED job again, finished steps kept. Raises NotFound, IllegalMove."""
        return await self.arun(asks.retry(job_id))

    async def update(self, job_id: UUID, change: Change, *, version: int | None = None) -> int:
        """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""
        return await self.arun(asks.update(job_id, change, version))

    async def wait(self, job_id: UUID, *, timeout: timedelta | None = None) -> Ended:
        """Waits for a job's end. Raises NotFound, TimeoutError."""
        return await self.arun(asks.wait(job_id, timeout, time.monotonic))

    async def aclose(self) -> None:
        """Closes the connections."""
        if self._http is not None and self._http[0] is asyncio.get_running_loop():
            await self._http[1].aclose()
        self._http = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.aclose()

    async def _do(self, wanted: Ask[Any] | Pause | Watch) -> Any:
        match wanted:
            case Ask():
                return await self.arun(wanted)
            case Pause():
                return await self._perform(wanted)
            case Watch():
                return await self._watch(wanted)

    async def _watch(self, watch: Watch) -> Watched:
        reading, deadline = Reading(watch.last_id), time.monotonic() + watch.seconds
        try:
            async with self._here().stream(**wire.stream(self.url, watch)) as response:
                if response.status_code == 200:
                    async for line in response.aiter_lines():
                        if reading.ends_with(line) or time.monotonic() >= deadline:
                            break
        except httpx2.RequestError:
            log.debug("the stream of %s was cut off", watch.path, exc_info=True)
        return reading.watched()

    async def _perform(self, wanted: Ask[Any] | Pause) -> Answer | Lost | None:
        if isinstance(wanted, Pause):
            await asyncio.sleep(wanted.seconds)
            return None
        try:
            response = await self._here().request(**wire.request(self.url, wanted))
        except httpx2.RequestError as error:
            return wire.lost(self.url, error)
        return wire.answer(response, response.content)

    def _here(self) -> httpx2.AsyncClient:
        """The connections of this event loop; those of one that is gone cannot be used any more."""
        loop = asyncio.get_running_loop()
        if self._http is None or self._http[0] is not loop:
            self._http = (loop, httpx2.AsyncClient(headers=self._headers, timeout=wire.TIMEOUT, limits=wire.LIMITS))
        return self._http[1]


async def _adriven(course: Generator[Any, Any, T], perform: Callable[[Any], Awaitable[Any]]) -> T:
    got: Any = None
    while True:
        try:
            wanted = course.send(got)
        except StopIteration as done:
            value: T = done.value
            return value
        got = await perform(wanted)
