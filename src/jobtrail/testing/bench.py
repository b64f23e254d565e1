"""Bench: a test's database with the apps that are bound to it; runs their jobs, looks at them, and decides their gates."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar
from uuid import UUID

from jobtrail.app import App, Handle
from jobtrail.client import DEFAULT_WORKSPACE, Client
from jobtrail.core import jsonguard
from jobtrail.core.errors import Misconfigured, NotFound
from jobtrail.core.loglines import LogLine
from jobtrail.core.model import Actor, Event, Gate, Job
from jobtrail.core.status import FINAL, ActorType, GateStatus, StepStatus
from jobtrail.core.why import sentence
from jobtrail.runners.protocol import Runner
from jobtrail.service import gates, groups
from jobtrail.service.jobs import Filter
from jobtrail.store.db import Scope
from jobtrail.store.pool import Database as Pool
from jobtrail.store.pool import Dial
from jobtrail.store.query import Flow, Query
from jobtrail.store.throwaway import Clock, Database
from jobtrail.testing.drain import Drain

T = TypeVar("T")
AnyJob = Handle[Any] | UUID | Job

_MOST = 1_000


class _Pool(Pool):
    """Async code is served by the same connections: a pool that belongs to one event loop would outlive it."""

    async def arun(self, work: Query[T] | Flow[T], scope: Scope | None = None) -> T:
        if scope is not None:
            return await super().arun(work, scope)
        return await asyncio.to_thread(self.run, work)


class Bench:
    """A database of the test's own. Apps that are bound to it enqueue there; `drain` runs their jobs."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.clock = Clock(database)
        self.folder = folder
        self._clients: dict[UUID, Client] = {}
        self._apps: dict[App, Callable[[], datetime]] = {}
        self._runners: dict[str, Runner] = {}
        self._deciders: dict[UUID, set[str]] = {}
        self.house = Pool(Dial(url=database.app_url, name="jobtrail-house"))
        self.client = self._client(DEFAULT_WORKSPACE)

    @property
    def clients(self) -> list[Client]:
        """One for each workspace under test."""
        return list(self._clients.values())

    @property
    def runners(self) -> Mapping[str, Runner]:
        """The types that can be run here."""
        return {type: runner for app in self._apps for type, runner in app.runners.items()} | self._runners

    @property
    def queues(self) -> set[str]:
        """The queues that the types of these apps use by themselves."""
        return {options.queue for app in self._apps for options in app.defaults.values()}

    def use(self, *apps: App) -> None:
        """Binds apps: they enqueue into this database, and `drain` runs their jobs. They are let go after the test."""
        for app in apps:
            if app not in self._apps:
                app.connect(self._client(app.workspace))
                self._apps[app], app.now = app.now, self._now

    def add(self, *runners: Runner) -> None:
        """Adds runners that belong to no app."""
        self._runners |= {runner.type: runner for runner in runners}

    def drain(
        self,
        *,
        until: AnyJob | Callable[[], bool] | None = None,
        slots: int = 1,
        patience: float = 30.0,
        leave: Iterable[str] = (),
    ) -> list[Job]:
        """Runs everything that is due, in this process and through the worker itself, until nothing is ready.

        Jobs run one after the other, unless there are more `slots`. What waits for a time, for people or for a retry
        is left waiting: put the clock forward, or decide. `until` a job has ended, or something is so: goes on as long
        as the running clock makes jobs due. `leave` names types that are not to be run. Answers the jobs that ended.
        Raises Stuck, with the reason of each job, when one cannot or does not end.
        """
        __tracebackhide__ = True
        before = {job.id for job in self._ended()}
        condition = until if until is None or callable(until) else lambda: self.job(until).status in FINAL
        self.new_drain(slots=slots, patience=patience, leave=leave).run(
            self.queues, condition, time_passes=not self.clock.frozen
        )
        ended = [job for job in self._ended() if job.id not in before]
        return sorted(ended, key=lambda job: (job.completed_at, job.id))

    async def adrain(self, **how: Any) -> list[Job]:
        """Like `drain`, without blocking the event loop of an async test."""
        return await asyncio.to_thread(self.drain, **how)

    def job(self, job: AnyJob) -> Job:
        """The job as it stands. Raises NotFound."""
        return self._of(job)[1]

    def jobs(self, type: str | None = None) -> list[Job]:
        """All jobs, or all of a type, in the order in which they were enqueued."""
        filter = Filter() if type is None else Filter(types=(type,))
        found = [job for client in self._clients.values() for job in client.list_jobs(filter, limit=_MOST)]
        return sorted(found, key=lambda job: job.id)

    def result(self, job: AnyJob) -> Any:
        """What the job made, as JSON; None while it has made nothing."""
        client, found = self._of(job)
        result = client.result(found.id)
        return None if result is None else result.output

    def events(self, job: AnyJob) -> list[Event]:
        """The trail of the job."""
        client, found = self._of(job)
        return client.events(found.id)

    def logs(self, job: AnyJob) -> list[str]:
        """What the job printed and logged, line by line."""
        client, found = self._of(job)
        lines: list[LogLine] = []
        while more := client.logs(found.id, from_line=lines[-1].number + 1 if lines else 1):
            lines += more
        return [line.message for line in lines]

    def steps(self, job: AnyJob) -> list[str]:
        """The names of the steps that the job began, in order; those that were skipped are not among them."""
        client, found = self._of(job)
        return [step.name for step in client.steps(found.id) if step.status != StepStatus.SKIPPED]

    def waiting(self, job: AnyJob) -> Gate:
        """The gate at which the job waits for people. Raises AssertionError, with the reason, when it does not."""
        __tracebackhide__ = True
        client, found = self._of(job)
        waiting = client.gates(job_id=found.id)
        if not waiting:
            raise AssertionError(f"job {found.id} waits at no gate: {sentence(client.facts(found.id))}")
        return waiting[0]

    def approve(
        self, job: AnyJob, *, by: str | None = None, comment: str | None = None, form: Any = None
    ) -> GateStatus:
        """Approves what the job waits for, as the next who may, or as `by`. The following `drain` goes on with it."""
        return self._decide(job, by, comment, form, approve=True)

    def reject(self, job: AnyJob, *, by: str | None = None, comment: str | None = None, form: Any = None) -> GateStatus:
        """Rejects what the job waits for."""
        return self._decide(job, by, comment, form, approve=False)

    def close(self) -> None:
        """Lets the apps go and closes the connections."""
        for app, now in self._apps.items():
            app.connect(None)
            app.now = now
        for client in self._clients.values():
            client.close()
        self.house.close()
        self.clock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def new_drain(self, *, slots: int = 1, patience: float = 30.0, leave: Iterable[str] = ()) -> Drain:
        """A drain of this database, which runs when it is told to."""
        return Drain(
            url=self.database.app_url,
            house=self.house,
            clients=self.clients,
            runners=self.runners,
            folder=self.folder,
            slots=slots,
            patience=patience,
            leave=frozenset(leave),
        )

    def _now(self) -> datetime:
        """What an app takes the time for: the database's clock where that stands."""
        return self.clock.now if self.clock.frozen else datetime.now(UTC)

    def _client(self, workspace: UUID) -> Client:
        if workspace not in self._clients:
            client = Client(self.database.app_url, workspace=workspace, actor=Actor(ActorType.USER, "tester"))
            client.database = _Pool(client.database.dial)
            self._clients[workspace] = client
        return self._clients[workspace]

    def _of(self, job: AnyJob) -> tuple[Client, Job]:
        id = job if isinstance(job, UUID) else job.id
        for client in self._clients.values():
            try:
                return client, client.get(id)
            except NotFound:
                continue
        raise NotFound(f"there is no job {id} in the database of this test; was its app bound with jobtrail.use(app)?")

    def _ended(self) -> list[Job]:
        filter = Filter(statuses=tuple(FINAL))
        return [job for client in self._clients.values() for job in client.list_jobs(filter, limit=_MOST)]

    def _decide(self, job: AnyJob, by: str | None, comment: str | None, form: Any, *, approve: bool) -> GateStatus:
        gate = self.waiting(job)
        client, _ = self._of(job)
        decided = self._deciders.setdefault(gate.id, set())
        may = self._may(client, gate)
        who = Actor(ActorType.USER, by or next((each for each in may if each not in decided), may[0]))
        decided.add(who.id)
        filled = None if form is None else jsonguard.encode(form).decode()
        work = gates.decide(
            client.workspace, gate.id, who, approve=approve, comment=comment, form=filled, as_owner=True
        )
        return client.run(work)

    def _may(self, client: Client, gate: Gate) -> list[str]:
        """Names of those whom a gate asks; of a role, and of everybody, some that whoever enqueued the job has not."""
        known = {group.name: group.members for group in client.run(groups.listed(client.workspace, limit=_MOST))}
        anybody = [
            *([] if gate.no_self_approval else [client.actor.id]),
            *(f"{client.actor.id} {n}" for n in range(2, 101)),
        ]
        names: list[str] = []
        for asked in gate.approvers:
            group = asked.lower().removeprefix("group:")
            role = asked.lower().startswith("role:")
            names += anybody if role else known.get(group, [asked.removeprefix("user:")])
        return names or anybody


def load_app(spec: str) -> App:
    """The app that `module:attribute` names. Raises Misconfigured."""
    module, _, attribute = spec.partition(":")
    try:
        app = getattr(importlib.import_module(module), attribute or "app", None)
    except ImportError as error:
        raise Misconfigured(f"the app under test, {spec!r}, cannot be imported: {error}") from error
    if not isinstance(app, App):
        raise Misconfigured(f"{spec!r} is not a jobtrail.App; name the app under test as module:attribute")
    return app
