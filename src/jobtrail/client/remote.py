"""RemoteClient: the verbs over HTTP, blocking. It sends what `asks` says, and holds no rule of its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, TypeVar, cast
from uuid import UUID

import httpx2

from jobtrail.client import asks, figure_asks, log_asks, operating_asks, wire
from jobtrail.client.answers import Answer, Lost, error_of, sending
from jobtrail.client.async_remote import AsyncRemoteClient
from jobtrail.client.breakers import BreakerAsks, Breakers
from jobtrail.client.budgets import BudgetAsks, Budgets
from jobtrail.client.deciding import Decisions
from jobtrail.client.deciding_asks import DecidingAsks
from jobtrail.client.limits import LimitAsks, Limits
from jobtrail.client.operating import Operations
from jobtrail.client.operating_asks import OperatingAsks
from jobtrail.client.schedule_asks import ScheduleAsks
from jobtrail.client.schedules import Schedules
from jobtrail.client.talk import Ask, Pause, Reading, Talk, Watch, Watched
from jobtrail.client.task_asks import TaskAsks
from jobtrail.client.tasks import Projects, Runs, Tasks
from jobtrail.client.trees import TreeAsks, Trees
from jobtrail.client.verbs import Ended, leaving
from jobtrail.core.described import KnownType
from jobtrail.core.errors import Unavailable
from jobtrail.core.facts import Facts
from jobtrail.core.figures import ErrorGroups
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Asset, Attempt, Event, Gate, Job, QueueDepth, Result, Step, Usage, Worker
from jobtrail.core.spent import UsageSummary
from jobtrail.core.status import GateStatus, JobStatus, LogLevel
from jobtrail.service.forks import Forked
from jobtrail.service.jobs import Change, Enqueued, Filter, NewJob, Page
from jobtrail.service.usage import UsageKey
from jobtrail.store.db import Connection
from jobtrail.store.identity import new_id

T = TypeVar("T")

log = logging.getLogger("jobtrail.client")


class RemoteClient:
    """The verbs over HTTP, blocking. One client serves many threads. Raises Invalid for what is no URL of a server."""

    def __init__(self, url: str, key: str | None = None, *, patience: timedelta = wire.PATIENCE) -> None:
        self.url = wire.address(url)
        self._patience = patience.total_seconds()
        self._twin = partial(AsyncRemoteClient, url, key, patience=patience)
        self._http = httpx2.Client(headers=wire.headers(key), timeout=wire.TIMEOUT, limits=wire.LIMITS)

    @property
    def breakers(self) -> Breakers:
        """The verbs on the breakers of types."""
        return Breakers(BreakerAsks(), cast("Runs", self.run))

    @property
    def trees(self) -> Trees:
        """The verbs on what jobs have to do with each other."""
        return Trees(TreeAsks(), cast("Runs", self.run))

    @property
    def limits(self) -> Limits:
        """The verbs on limits."""
        return Limits(LimitAsks(), cast("Runs", self.run))

    @property
    def operations(self) -> Operations:
        """The verbs of those who operate."""
        return Operations(OperatingAsks(), cast("Runs", self.run), wire.tell_nobody)

    @property
    def schedules(self) -> Schedules:
        """The verbs on schedules."""
        return Schedules(ScheduleAsks(), cast("Runs", self.run), wire.tell_nobody)

    @property
    def budgets(self) -> Budgets:
        """The verbs on budgets."""
        return Budgets(BudgetAsks(), cast("Runs", self.run), wire.tell_nobody)

    @property
    def decisions(self) -> Decisions:
        """The verbs on gates, beyond approve and reject."""
        return Decisions(DecidingAsks(), cast("Runs", self.run))

    @property
    def tasks(self) -> Tasks:
        """The verbs on tasks."""
        return Tasks(TaskAsks(), cast("Runs", self.run), wire.tell_nobody)

    @property
    def projects(self) -> Projects:
        """The verbs on projects."""
        return Projects(TaskAsks(), cast("Runs", self.run))

    def run(self, work: Ask[T] | Talk[T]) -> T:
        """Runs any verb as a value."""
        if isinstance(work, Ask):
            return _driven(sending(work, self._patience), self._perform)
        return _driven(work, self._do)

    def enqueue_all(self, wanted: Sequence[NewJob], *, conn: Connection | None = None) -> Enqueued:
        """Accepts jobs, all or none; at most 10 000. Raises Invalid with `conn`: over HTTP there is no transaction."""
        wire.refuse(conn)
        return self.run(asks.enqueue_all(wanted))

    def enqueue_once(self, wanted: NewJob, key: str) -> tuple[UUID, bool]:
        """Accepts a job under an idempotency key; answers its id and whether it is new. Raises IdempotencyConflict."""
        return self.run(asks.enqueue_once(wanted, key))

    def get(self, job_id: UUID) -> Job:
        """One job. Raises NotFound."""
        return self.run(asks.get(job_id))

    def list_jobs(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> list[Job]:
        """A page of jobs, newest first."""
        return self.run(asks.page(filter, before, limit)).jobs

    def page(self, filter: Filter = Filter(), *, before: UUID | None = None, limit: int = 50) -> Page:
        """Like `list_jobs`, and tells where to go on and how far it searched."""
        return self.run(asks.page(filter, before, limit))

    def find(self, digits: str) -> list[UUID]:
        """At most 3 ids that start or end with some hex digits."""
        return self.run(asks.find(digits))

    def result(self, job_id: UUID) -> Result | None:
        """What a job made, None while it has made nothing."""
        return self.run(asks.result(job_id))

    def attempts(self, job_id: UUID) -> list[Attempt]:
        """The attempts of a job."""
        return self.run(asks.attempts(job_id))

    def steps(self, job_id: UUID) -> list[Step]:
        """The steps of a job."""
        return self.run(asks.steps(job_id))

    def events(self, job_id: UUID, *, after: int = 0, limit: int = 1_000) -> list[Event]:
        """The trail of a job after a sequence number."""
        return self.run(asks.events(job_id, after, limit))

    def logs(self, job_id: UUID, *, from_line: int = 1, attempt_id: UUID | None = None, step_id: UUID | None = None,
             levels: tuple[LogLevel, ...] | None = None, tail: int | None = None) -> list[LogLine]:  # fmt: skip
        """Some lines of a job's log, from a line on; none when there are no more. With `tail` the last so many instead."""
        if tail is not None:
            return self.run(log_asks.last_lines(job_id, tail, attempt_id, step_id, levels))
        return self.run(log_asks.logs(job_id, from_line, attempt_id, step_id, levels))

    def usage(self, job_id: UUID) -> list[Usage]:
        """What a job used."""
        return self.run(asks.usage(job_id))

    def assets(self, job_id: UUID) -> list[Asset]:
        """The files of a job."""
        return self.run(asks.assets(job_id))

    def gates(self, *, waiting: bool = True, job_id: UUID | None = None) -> list[Gate]:
        """Gates, oldest question first."""
        return self.run(asks.gates(waiting, job_id))

    def queues(self) -> list[QueueDepth]:
        """How the queues stand."""
        return self.run(asks.queues())

    def workers(self) -> list[Worker]:
        """The workers, those alive first."""
        return self.run(asks.workers())

    def types(self) -> list[KnownType]:
        """The types of jobs that the server knows; without the schemas of their inputs."""
        return self.run(asks.types())

    def get_type(self, type: str) -> KnownType | None:
        """One type with the schema of its input; None when the server does not know it."""
        return self.run(asks.get_type(type))

    def facts(self, job_id: UUID) -> Facts:
        """What keeps a job from running. Raises NotFound."""
        return self.run(asks.facts(job_id))

    def cancel(self, job_id: UUID, reason: str | None = None) -> JobStatus:
        """Cancels a job, or asks the worker that runs it to. Raises NotFound, Conflict."""
        return self.run(asks.cancel(job_id, reason))

    def signal(self, job_id: UUID, name: str, payload: object = None) -> bool:
        """Says something to a job under a name; answers whether it is the first of that name. Raises NotFound, Conflict."""
        return self.run(asks.signal(job_id, name, payload))

    def retry(self, job_id: UUID) -> int:
        """Tries a FAILED or CANCELLED job again, finished steps kept. Raises NotFound, IllegalMove."""
        return self.run(asks.retry(job_id))

    def start_now(self, job_id: UUID) -> int:
        """Starts a job that waits for a time. Raises NotFound, IllegalMove."""
        return self.run(asks.start_now(job_id))

    def rerun(self, job_id: UUID, input: object = None) -> UUID:
        """A new job like this one, with the same input or another. Raises NotFound."""
        return self.run(asks.rerun(job_id, input))

    def fork(self, job_id: UUID, *, from_step: str | None = None, after_step: str | None = None,
             input: object = None) -> Forked:  # fmt: skip
        """A new job that goes on at a step of this one. Raises NotFound, Conflict, Invalid."""
        return self.run(operating_asks.fork(job_id, new_id(), leaving(from_step, after_step), input))

    def update(self, job_id: UUID, change: Change, *, version: int | None = None) -> int:
        """Changes a job; with `version` only while it is as it was read. Raises NotFound, ConcurrentUpdate."""
        return self.run(asks.update(job_id, change, version))

    def decide(self, gate_id: UUID, *, approve: bool, comment: str | None = None, form: object = None) -> GateStatus:
        """Approves or rejects. Raises NotFound, Denied, Conflict."""
        return self.run(asks.decide(gate_id, approve, comment, form))

    def pause(self, queue: str, reason: str | None = None) -> None:
        """Lets workers take no more of a queue."""
        self.run(asks.pause(queue, reason))

    def resume(self, queue: str) -> None:
        """Lets workers take of a queue again. Raises Conflict."""
        self.run(asks.resume(queue))

    def wait(self, job_id: UUID, *, timeout: timedelta | None = None) -> Ended:
        """Waits for a job's end. Raises NotFound, TimeoutError."""
        return self.run(asks.wait(job_id, timeout, time.monotonic))

    def usage_totals(self, since: datetime, until: datetime, by: UsageKey = "model") -> UsageSummary:
        """What was used from `since` on, before `until`, summed by a key, and all together."""
        return self.run(asks.usage_totals(since, until, by))

    def errors(self, since: datetime | None = None) -> ErrorGroups:
        """What failed since then (None: ever), in groups that failed alike."""
        return self.run(figure_asks.errors(since))

    def error(self, fingerprint: str, since: datetime | None = None) -> ErrorGroups:
        """One group of jobs that failed alike. Raises NotFound."""
        return self.run(figure_asks.error(fingerprint, since))

    @contextmanager
    def content(self, asset_id: UUID) -> Iterator[Iterator[bytes]]:
        """The bytes of a file, in pieces, for the length of a block. Raises NotFound, Unavailable."""
        try:
            with self._http.stream("GET", f"{self.url}/assets/{asset_id}/content") as response:
                if response.status_code != 200:
                    raise error_of(wire.answer(response, response.read()))
                yield response.iter_bytes()
        except httpx2.RequestError as error:
            raise Unavailable(wire.lost(self.url, error).why) from error

    def awaited(self) -> AsyncRemoteClient:
        """The client for async code, with connections of its own."""
        return self._twin()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _do(self, wanted: Ask[Any] | Pause | Watch) -> Any:
        match wanted:
            case Ask():
                return self.run(wanted)
            case Pause():
                return self._perform(wanted)
            case Watch():
                return self._watch(wanted)

    def _watch(self, watch: Watch) -> Watched:
        reading, deadline = Reading(watch.last_id), time.monotonic() + watch.seconds
        try:
            with self._http.stream(**wire.stream(self.url, watch)) as response:
                for line in response.iter_lines() if response.status_code == 200 else ():
                    if reading.ends_with(line) or time.monotonic() >= deadline:
                        break
        except httpx2.RequestError:
            log.debug("the stream of %s was cut off", watch.path, exc_info=True)
        return reading.watched()

    def _perform(self, wanted: Ask[Any] | Pause) -> Answer | Lost | None:
        if isinstance(wanted, Pause):
            time.sleep(wanted.seconds)
            return None
        try:
            response = self._http.request(**wire.request(self.url, wanted))
        except httpx2.RequestError as error:
            return wire.lost(self.url, error)
        return wire.answer(response, response.content)


def _driven(course: Generator[Any, Any, T], perform: Callable[[Any], Any]) -> T:
    got: Any = None
    while True:
        try:
            wanted = course.send(got)
        except StopIteration as done:
            value: T = done.value
            return value
        got = perform(wanted)
