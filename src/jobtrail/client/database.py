"""Client and AsyncClient on the database directly: each verb one line. They hold no rule of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Self, TypeVar, cast
from uuid import UUID

from jobtrail.client.budgets import AsyncBudgets, BudgetFlows
from jobtrail.client.nouns import Nouns
from jobtrail.client.schedule_flows import ScheduleFlows
from jobtrail.client.schedules import AsyncSchedules
from jobtrail.client.task_flows import TaskFlows
from jobtrail.client.tasks import AsyncProjects, AsyncTasks, Awaits
from jobtrail.client.verbs import Ended, leaving, rerun_of
from jobtrail.core import jsonguard
from jobtrail.core.described import KnownType
from jobtrail.core.errors import NotFound
from jobtrail.core.facts import Facts
from jobtrail.core.figures import ErrorGroups
from jobtrail.core.loglines import LogLine, line_of, lines_of
from jobtrail.core.model import (
    Asset,
    Attempt,
    Event,
    Gate,
    Job,
    QueueDepth,
    Result,
    Step,
    Usage,
    Worker,
)
from jobtrail.core.spent import UsageSummary
from jobtrail.core.status import FINAL, GateStatus, JobStatus, LogLevel
from jobtrail.service import (
    assets,
    attempts,
    failures,
    forks,
    gates,
    jobs,
    logs,
    queues,
    signals,
    steps,
    trail,
    types,
    usage,
    workers,
)
from jobtrail.service.forks import Forked
from jobtrail.service.jobs import Change, Enqueued, Filter, NewJob, Page
from jobtrail.service.usage import UsageKey
from jobtrail.store.db import AsyncConnection, Connection, Scope, arun, run
from jobtrail.store.identity import new_id, new_ids
from jobtrail.store.query import Flow, Query
from jobtrail.store.wake import ORDERS

T = TypeVar("T")


class Client(Nouns):
    """The verbs, blocking. One client serves many threads."""

    def enqueue_all(self, wanted: Sequence[NewJob], *, conn: Connection | None = None) -> Enqueued:
        """Accepts jobs, all or none; on `conn` they commit or roll back with the caller's own data."""
        work = jobs.enqueue(self.workspace, wanted, self.actor)
        done = self.run(work) if conn is None else run(conn, work, Scope.of(self.workspace))
        self.nudger.nudge(_hints(wanted))
        return done

    def enqueue_once(self, wanted: NewJob, key: str) -> tuple[UUID, bool]:
        """Accepts a job under an idempotency key; answers its id and whether it is new."""
        done = self.run(jobs.enqueue_once(self.workspace, wanted, self.actor, key))
        self.nudger.nudge(_hints([wanted]))
        return done

    def get(self, job_id: UUID) -> Job:
        """One job. Raises NotFound."""
        return _found(self.run(jobs.get(self.workspace, job_id)), job_id)

    def list_jobs(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> list[Job]:
        """A page of jobs, newest first."""
        return self.run(jobs.listed(self.workspace, filter, before=before, limit=limit))

    def page(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> Page:
        """Like `list_jobs`, and tells where to go on and how far it searched."""
        return self.run(jobs.page(self.workspace, filter, before=before, limit=limit))

    def find(self, digits: str) -> list[UUID]:
        """At most 3 ids that start or end with some hex digits."""
        return self.run(jobs.find(self.workspace, digits))

    def result(self, job_id: UUID) -> Result | None:
        """What a job made, None while it has made nothing."""
        return self.run(jobs.result(self.workspace, job_id))

    def attempts(self, job_id: UUID) -> list[Attempt]:
        """The attempts of a job."""
        return self.run(attempts.listed(self.workspace, job_id))

    def steps(self, job_id: UUID) -> list[Step]:
        """The steps of a job."""
        return self.run(steps.listed(self.workspace, job_id))

    def events(self, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The trail of a job after a sequence number."""
        return self.run(trail.events(self.workspace, job_id, after=after, limit=limit))

    def logs(self, job_id: UUID, *, from_line: int = 1, attempt_id: UUID | None = None, step_id: UUID | None = None,
             levels: tuple[LogLevel, ...] | None = None, tail: int | None = None) -> list[LogLine]:  # fmt: skip
        """Some lines of a job's log, from a line on; none when there are no more. With `tail` the last so many instead."""
        if tail is not None:
            wanted = logs.Wanted(attempt_id=attempt_id, step_id=step_id, levels=levels or ())
            return [line_of(stored) for stored in self.run(logs.last(self.workspace, job_id, wanted, tail))]
        while chunks := self.run(
            logs.read(
                self.workspace, job_id, from_line=from_line, attempt_id=attempt_id, step_id=step_id, levels=levels
            )
        ):
            lines = [line for chunk in chunks for line in lines_of(chunk) if line.number >= from_line]
            if found := [line for line in lines if levels is None or line.level in levels]:
                return found
            from_line = chunks[-1].first_line + chunks[-1].lines
        return []

    def usage(self, job_id: UUID) -> list[Usage]:
        """What a job used."""
        return self.run(usage.listed(self.workspace, job_id))

    def assets(self, job_id: UUID) -> list[Asset]:
        """The files of a job."""
        return self.run(assets.listed(self.workspace, job_id))

    def gates(self, *, waiting: bool = True, job_id: UUID | None = None) -> list[Gate]:
        """Gates, oldest question first."""
        return self.run(gates.listed(self.workspace, waiting=waiting, job_id=job_id))

    def queues(self) -> list[QueueDepth]:
        """How the queues stand."""
        return self.run(queues.depths(self.workspace))

    def workers(self) -> list[Worker]:
        """The workers, those alive first."""
        return self.run(workers.listed())

    def types(self) -> list[KnownType]:
        """The types of jobs that workers run; without the schemas of their inputs."""
        return self.run(types.listed(self.workspace))

    def get_type(self, type: str) -> KnownType | None:
        """One type with the schema of its input; None when no worker knows it."""
        return self.run(types.get(self.workspace, type))

    def facts(self, job_id: UUID) -> Facts:
        """What keeps a job from running. Raises NotFound."""
        return _found(self.run(jobs.facts(self.workspace, job_id)), job_id)

    def cancel(self, job_id: UUID, reason: str | None = None) -> JobStatus:
        """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""
        return self._told([ORDERS], jobs.cancel(self.workspace, job_id, self.actor, reason))

    def signal(self, job_id: UUID, name: str, payload: object = None) -> bool:
        """Says something to a job under a name; answers whether it is the first of that name. Raises NotFound, Conflict."""
        said = jsonguard.encode(payload, at="payload")
        return self._told(
            [self.get(job_id).queue], signals.signal(self.workspace, job_id, name, said, self.actor)
        ).is_new

    def retry(self, job_id: UUID) -> int:
        """Tries a FAILED or CANCELLED job again, finished steps kept. Raises NotFound, IllegalMove."""
        return self._told([self.get(job_id).queue], jobs.retry(self.workspace, job_id, self.actor))

    def start_now(self, job_id: UUID) -> int:
        """Starts a job that waits for a time. Raises NotFound, IllegalMove."""
        return self._told([self.get(job_id).queue], jobs.start_now(self.workspace, job_id, self.actor))

    def rerun(self, job_id: UUID, input: object = None) -> UUID:
        """A new job like this one, with the same input or another. Raises NotFound."""
        return self.enqueue_all([rerun_of(self.get(job_id), input)]).ids[0]

    def fork(self, job_id: UUID, *, from_step: str | None = None, after_step: str | None = None,
             input: object = None) -> Forked:  # fmt: skip
        """A new job that goes on at a step of this one. Raises NotFound, Conflict, Invalid."""
        job, point = self.get(job_id), leaving(from_step, after_step)
        wanted = forks.like(job, new_id(), jsonguard.encode(job.input if input is None else input))
        return self._told([job.queue], forks.fork(self.workspace, wanted, point, self.actor, new_ids))

    def update(self, job_id: UUID, change: Change, *, version: int | None = None) -> int:
        """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""
        return self._told([ORDERS], jobs.update(self.workspace, job_id, change, self.actor, version=version))

    def decide(self, gate_id: UUID, *, approve: bool, comment: str | None = None, form: object = None) -> GateStatus:
        """Approves or rejects. Raises NotFound, Denied, Conflict."""
        filled = None if form is None else jsonguard.encode(form).decode()
        work = gates.decide(self.workspace, gate_id, self.actor, approve=approve, comment=comment, form=filled,
                            as_owner=self._is_here)  # fmt: skip
        return self._told([ORDERS], work)

    def pause(self, queue: str, reason: str | None = None) -> None:
        """Lets workers take no more of a queue."""
        self.run(queues.pause(self.workspace, queue, self.actor, reason))

    def resume(self, queue: str) -> None:
        """Lets workers take of a queue again. Raises Conflict."""
        self._told([queue], queues.resume(self.workspace, queue, self.actor))

    def wait(self, job_id: UUID, *, timeout: timedelta | None = None) -> Ended:
        """Waits for a job's end. Raises NotFound, TimeoutError."""
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        pause = 0.02
        while True:
            job = self.get(job_id)
            if job.status in FINAL:
                return Ended(job, self.result(job_id))
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"job {job_id} is still {job.status}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    def usage_totals(self, since: datetime, until: datetime, by: UsageKey = "model") -> UsageSummary:
        """What was used from `since` on, before `until`, summed by a key, and all together."""
        return self.run(usage.summary(self.workspace, since, until, by))

    def errors(self, since: datetime | None = None) -> ErrorGroups:
        """What failed since then (None: ever), in groups that failed alike."""
        return self.run(failures.groups(self.workspace, since))

    def error(self, fingerprint: str, since: datetime | None = None) -> ErrorGroups:
        """One group of jobs that failed alike. Raises NotFound."""
        return self.run(failures.group(self.workspace, fingerprint, since))

    def awaited(self) -> AsyncClient:
        """The client for async code; it uses this one's connections."""
        return AsyncClient(self)

    def close(self) -> None:
        """Sends the last hints and closes the connections."""
        self.nudger.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _told(self, hints: Sequence[str], work: Query[T] | Flow[T]) -> T:
        done = self.run(work)
        self.nudger.nudge(hints)
        return done


class AsyncClient:
    """The verbs that async code needs most, awaited; `arun` takes any other verb as a value."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.workspace = client.workspace
        self.actor = client.actor

    @property
    def schedules(self) -> AsyncSchedules:
        """The verbs on schedules."""
        says = ScheduleFlows(self.workspace, self.actor)
        return AsyncSchedules(says, cast("Awaits", self.arun), self._client.nudger.nudge)

    @property
    def budgets(self) -> AsyncBudgets:
        """The verbs on budgets."""
        says = BudgetFlows(self.workspace, self.actor)
        return AsyncBudgets(says, cast("Awaits", self.arun), self._client.nudger.nudge)

    @property
    def tasks(self) -> AsyncTasks:
        """The verbs on tasks."""
        says = TaskFlows(self.workspace, self.actor)
        return AsyncTasks(says, cast("Awaits", self.arun), self._client.nudger.nudge)

    @property
    def projects(self) -> AsyncProjects:
        """The verbs on projects."""
        return AsyncProjects(TaskFlows(self.workspace, self.actor), cast("Awaits", self.arun))

    async def arun(self, work: Query[T] | Flow[T]) -> T:
        """Runs any verb as a value."""
        return await self._client.database.arun(work)

    async def enqueue_all(self, wanted: Sequence[NewJob], *, conn: AsyncConnection | None = None) -> Enqueued:
        """Accepts jobs, all or none; on `conn` they commit or roll back with the caller's own data."""
        work = jobs.enqueue(self.workspace, wanted, self.actor)
        done = await self.arun(work) if conn is None else await arun(conn, work, Scope.of(self.workspace))
        self._client.nudger.nudge(_hints(wanted))
        return done

    async def enqueue_once(self, wanted: NewJob, key: str) -> tuple[UUID, bool]:
        """Accepts a job under an idempotency key; answers its id and whether it is new."""
        return await self._told(_hints([wanted]), jobs.enqueue_once(self.workspace, wanted, self.actor, key))

    async def get(self, job_id: UUID) -> Job:
        """One job. Raises NotFound."""
        return _found(await self.arun(jobs.get(self.workspace, job_id)), job_id)

    async def result(self, job_id: UUID) -> Result | None:
        """What a job made, None while it has made nothing."""
        return await self.arun(jobs.result(self.workspace, job_id))

    async def list_jobs(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> list[Job]:
        """A page of jobs, newest first."""
        return await self.arun(jobs.listed(self.workspace, filter, before=before, limit=limit))

    async def events(self, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The trail of a job after a sequence number."""
        return await self.arun(trail.events(self.workspace, job_id, after=after, limit=limit))

    async def cancel(self, job_id: UUID, reason: str | None = None) -> JobStatus:
        """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""
        return await self._told([ORDERS], jobs.cancel(self.workspace, job_id, self.actor, reason))

    async def signal(self, job_id: UUID, name: str, payload: object = None) -> bool:
        """Says something to a job under a name; answers whether it is the first of that name. Raises NotFound, Conflict."""
        queue, said = (await self.get(job_id)).queue, jsonguard.encode(payload, at="payload")
        return (await self._told([queue], signals.signal(self.workspace, job_id, name, said, self.actor))).is_new

    async def retry(self, job_id: UUID) -> int:
        """Tries a FAILED or CANCELLED job again, finished steps kept. Raises NotFound, IllegalMove."""
        queue = (await self.get(job_id)).queue
        return await self._told([queue], jobs.retry(self.workspace, job_id, self.actor))

    async def update(self, job_id: UUID, change: Change, *, version: int | None = None) -> int:
        """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""
        return await self._told([ORDERS], jobs.update(self.workspace, job_id, change, self.actor, version=version))

    async def wait(self, job_id: UUID, *, timeout: timedelta | None = None) -> Ended:
        """Waits for a job's end. Raises NotFound, TimeoutError."""
        async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
            pause = 0.02
            while True:
                job = await self.get(job_id)
                if job.status in FINAL:
                    return Ended(job, await self.result(job_id))
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.5)

    async def _told(self, hints: Iterable[str], work: Query[T] | Flow[T]) -> T:
        done = await self.arun(work)
        self._client.nudger.nudge(list(hints))
        return done


def _found(thing: T | None, job_id: UUID) -> T:
    if thing is None:
        raise NotFound(f"there is no job {job_id} in this workspace")
    return thing


def _hints(wanted: Sequence[NewJob]) -> set[str]:
    return {job.options.queue if job.options.scheduled_at is None else ORDERS for job in wanted}
