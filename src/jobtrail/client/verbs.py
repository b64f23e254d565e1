"""What every client can do, on the database or over HTTP: the verbs with their types, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, Self
from uuid import UUID

from jobtrail.client.breakers import Breakers
from jobtrail.client.budgets import AsyncBudgets, Budgets
from jobtrail.client.deciding import Decisions
from jobtrail.client.limits import Limits
from jobtrail.client.operating import Operations
from jobtrail.client.schedules import AsyncSchedules, Schedules
from jobtrail.client.tasks import AsyncProjects, AsyncTasks, Projects, Tasks
from jobtrail.client.trees import Trees
from jobtrail.core import jsonguard
from jobtrail.core.described import KnownType
from jobtrail.core.errors import Invalid
from jobtrail.core.facts import Facts
from jobtrail.core.figures import ErrorGroups
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Asset, Attempt, Event, Gate, Job, QueueDepth, Result, Step, Usage, Worker
from jobtrail.core.spent import UsageSummary
from jobtrail.core.status import GateStatus, JobStatus, LogLevel
from jobtrail.service import jobs
from jobtrail.service.forks import Forked, Point
from jobtrail.service.jobs import Change, Enqueued, Filter, NewJob, Page
from jobtrail.service.usage import UsageKey
from jobtrail.store.db import AsyncConnection, Connection
from jobtrail.store.identity import new_id

DEFAULT_WORKSPACE: Final = UUID("00000000-0000-7000-8000-000000000001")


@dataclass(frozen=True, slots=True)
class Ended:
    """A job after its end, with what it made."""

    job: Job
    result: Result | None


class JobsClient(Protocol):
    """The verbs, blocking. Each raises Unavailable when what it speaks to is away; one client serves many threads."""

    def enqueue_all(self, wanted: Sequence[NewJob], *, conn: Connection | None = None) -> Enqueued:
        """Accepts jobs, all or none; on `conn` they commit or roll back with the caller's own data."""

    def enqueue_once(self, wanted: NewJob, key: str) -> tuple[UUID, bool]:
        """Accepts a job under an idempotency key; answers its id and whether it is new. Raises IdempotencyConflict."""

    def get(self, job_id: UUID) -> Job:
        """One job. Raises NotFound."""

    def list_jobs(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> list[Job]:
        """A page of jobs, newest first."""

    def page(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> Page:
        """Like `list_jobs`, and tells where to go on and how far it searched."""

    def find(self, digits: str) -> list[UUID]:
        """At most 3 ids that start or end with some hex digits."""

    def result(self, job_id: UUID) -> Result | None:
        """What a job made, None while it has made nothing."""

    def attempts(self, job_id: UUID) -> list[Attempt]:
        """The attempts of a job."""

    def steps(self, job_id: UUID) -> list[Step]:
        """The steps of a job."""

    def events(self, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The trail of a job after a sequence number."""

    def logs(self, job_id: UUID, *, from_line: int = 1, attempt_id: UUID | None = None, step_id: UUID | None = None,
             levels: tuple[LogLevel, ...] | None = None, tail: int | None = None) -> list[LogLine]:  # fmt: skip
        """Some lines of a job's log, from a line on; none when there are no more. With `tail` the last so many instead."""

    def usage(self, job_id: UUID) -> list[Usage]:
        """What a job used."""

    def assets(self, job_id: UUID) -> list[Asset]:
        """The files of a job."""

    def gates(self, *, waiting: bool = True, job_id: UUID | None = None) -> list[Gate]:
        """Gates, oldest question first."""

    def queues(self) -> list[QueueDepth]:
        """How the queues stand."""

    def workers(self) -> list[Worker]:
        """The workers, those alive first."""

    def types(self) -> list[KnownType]:
        """The types of jobs that are known there; without the schemas of their inputs."""

    def get_type(self, type: str) -> KnownType | None:
        """One type with the schema of its input; None when it is not known there."""

    def facts(self, job_id: UUID) -> Facts:
        """What keeps a job from running. Raises NotFound."""

    def cancel(self, job_id: UUID, reason: str | None = None) -> JobStatus:
        """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""

    def signal(self, job_id: UUID, name: str, payload: object = None) -> bool:
        """Says something to a job under a name, now or before it waits for it; answers whether it is the first of that
        name, for only that counts. Raises NotFound, Invalid, Conflict when the job has ended."""

    def retry(self, job_id: UUID) -> int:
        """Tries a FAILED or CANCELLED job again, finished steps kept. Raises NotFound, IllegalMove."""

    def start_now(self, job_id: UUID) -> int:
        """Starts a job that waits for a time. Raises NotFound, IllegalMove."""

    def rerun(self, job_id: UUID, input: object = None) -> UUID:
        """A new job like this one, with the same input or another. Raises NotFound."""

    def fork(self, job_id: UUID, *, from_step: str | None = None, after_step: str | None = None,
             input: object = None) -> Forked:  # fmt: skip
        """A new job that goes on at a step of this one: what completed before it does not run again.

        Raises NotFound, Conflict, Invalid.
        """

    def update(self, job_id: UUID, change: Change, *, version: int | None = None) -> int:
        """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""

    def decide(self, gate_id: UUID, *, approve: bool, comment: str | None = None, form: object = None) -> GateStatus:
        """Approves or rejects. Raises NotFound, Denied, Conflict."""

    def pause(self, queue: str, reason: str | None = None) -> None:
        """Lets workers take no more of a queue."""

    def resume(self, queue: str) -> None:
        """Lets workers take of a queue again. Raises Conflict."""

    def wait(self, job_id: UUID, *, timeout: timedelta | None = None) -> Ended:
        """Waits for a job's end. Raises NotFound, TimeoutError."""

    def usage_totals(self, since: datetime, until: datetime, by: UsageKey = "model") -> UsageSummary:
        """What was used from `since` on, before `until`, summed by a key, and all together."""

    def errors(self, since: datetime | None = None) -> ErrorGroups:
        """What failed since then (None: ever), in groups that failed alike."""

    def error(self, fingerprint: str, since: datetime | None = None) -> ErrorGroups:
        """One group of jobs that failed alike. Raises NotFound."""

    @property
    def breakers(self) -> Breakers:
        """The verbs on the breakers of types."""

    @property
    def trees(self) -> Trees:
        """The verbs on what jobs have to do with each other."""

    @property
    def limits(self) -> Limits:
        """The verbs on limits."""

    @property
    def operations(self) -> Operations:
        """The verbs of those who operate."""

    @property
    def schedules(self) -> Schedules:
        """The verbs on schedules."""

    @property
    def budgets(self) -> Budgets:
        """The verbs on budgets."""

    @property
    def decisions(self) -> Decisions:
        """The verbs on gates, beyond approve and reject."""

    @property
    def tasks(self) -> Tasks:
        """The verbs on tasks."""

    @property
    def projects(self) -> Projects:
        """The verbs on projects."""

    def awaited(self) -> AsyncJobsClient:
        """The client for async code."""

    def close(self) -> None:
        """Closes the connections."""

    def __enter__(self) -> Self:
        """The client itself."""

    def __exit__(self, *raised: object) -> None:
        """Closes it."""


class AsyncJobsClient(Protocol):
    """The verbs that async code needs most, awaited."""

    async def enqueue_all(self, wanted: Sequence[NewJob], *, conn: AsyncConnection | None = None) -> Enqueued:
        """Accepts jobs, all or none; on `conn` they commit or roll back with the caller's own data."""

    async def enqueue_once(self, wanted: NewJob, key: str) -> tuple[UUID, bool]:
        """Accepts a job under an idempotency key; answers its id and whether it is new. Raises IdempotencyConflict."""

    async def get(self, job_id: UUID) -> Job:
        """One job. Raises NotFound."""

    async def result(self, job_id: UUID) -> Result | None:
        """What a job made, None while it has made nothing."""

    async def list_jobs(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> list[Job]:
        """A page of jobs, newest first."""

    async def events(self, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The trail of a job after a sequence number."""

    async def cancel(self, job_id: UUID, reason: str | None = None) -> JobStatus:
        """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""

    async def signal(self, job_id: UUID, name: str, payload: object = None) -> bool:
        """Says something to a job under a name, now or before it waits for it; answers whether it is the first of that
        name, for only that counts. Raises NotFound, Invalid, Conflict when the job has ended."""

    async def retry(self, job_id: UUID) -> int:
        """Tries a FAILED or CANCELLED job again, finished steps kept. Raises NotFound, IllegalMove."""

    async def update(self, job_id: UUID, change: Change, *, version: int | None = None) -> int:
        """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""

    async def wait(self, job_id: UUID, *, timeout: timedelta | None = None) -> Ended:
        """Waits for a job's end. Raises NotFound, TimeoutError."""

    @property
    def schedules(self) -> AsyncSchedules:
        """The verbs on schedules."""

    @property
    def budgets(self) -> AsyncBudgets:
        """The verbs on budgets."""

    @property
    def tasks(self) -> AsyncTasks:
        """The verbs on tasks."""

    @property
    def projects(self) -> AsyncProjects:
        """The verbs on projects."""


def leaving(from_step: str | None, after_step: str | None) -> Point:
    """Where a fork leaves its job. Raises Invalid unless exactly one step is named."""
    if (from_step is None) == (after_step is None):
        raise Invalid(
            "say where the fork is to leave the job: from_step or after_step", fields={"from_step": "one of two"}
        )
    return Point(from_step) if from_step is not None else Point(after_step or "", after=True)


def rerun_of(job: Job, input: object = None) -> NewJob:
    """A new job like `job`: same type, queue, limits and tags; its own id."""
    return jobs.again(job, new_id(), jsonguard.encode(job.input if input is None else input))
