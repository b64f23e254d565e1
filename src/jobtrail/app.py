"""App: where a project's functions become types of jobs, and the handles through which they are enqueued."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, Unpack, get_type_hints, overload
from uuid import UUID

import msgspec

from jobtrail import settings, tracing
from jobtrail.client import DEFAULT_WORKSPACE, AsyncJobsClient, Client, JobsClient
from jobtrail.client.connecting import connect, is_server
from jobtrail.core import duration, graph, jsonguard
from jobtrail.core.config import Config
from jobtrail.core.errors import Conflict, Invalid, UnknownType
from jobtrail.core.graph import Output
from jobtrail.core.model import Job
from jobtrail.core.retry import Retry
from jobtrail.core.schedules import NewSchedule
from jobtrail.core.status import JobStatus
from jobtrail.core.terms import Named, Terms, key_of, options_of, priority_of
from jobtrail.runners.context import Context, of_model
from jobtrail.runners.isolated import IsolatedRunner
from jobtrail.runners.protocol import Runner
from jobtrail.runners.python import Isolation, PythonRunner
from jobtrail.runners.registry import has_check
from jobtrail.runners.threads import SyncContext
from jobtrail.service import batches
from jobtrail.service.batches import Batch
from jobtrail.service.declaring import Times, planned
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.db import AsyncConnection, Connection
from jobtrail.store.identity import new_id

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound="Call[..., Any]")
Span = str | float | timedelta


@dataclass(frozen=True, slots=True)
class Handle(Generic[R]):
    """An enqueued job: look at it, wait for it, get its result as the type that the function returns."""

    id: UUID
    existed: bool
    _app: App
    _returns: Any

    @property
    def output(self) -> Any:
        """Stands for the result, or with `output["rows"][0]` for a part of it, in the arguments of another job, which
        waits for this one then and gets the result itself when it starts."""
        return Output(self.id)

    def job(self) -> Job:
        """The job as it stands. Raises NotFound, also before the caller's transaction commits."""
        return self._app.client.get(self.id)

    def wait(self, timeout: Span | None = None) -> Job:
        """Waits for the job's end. Raises TimeoutError."""
        return self._app.client.wait(self.id, timeout=None if timeout is None else duration.parse(timeout)).job

    def result(self, timeout: Span | None = 0) -> R:
        """What the job returned. Raises Conflict when it ended otherwise, TimeoutError when it has not ended."""
        ended = self._app.client.wait(self.id, timeout=None if timeout is None else duration.parse(timeout))
        if ended.job.status != JobStatus.COMPLETED or ended.result is None:
            raise Conflict(f"job {self.id} is {ended.job.status}: {ended.job.error_message or ended.job.cancel_reason}")
        value: R = msgspec.convert(ended.result.output, type=self._returns, strict=False, dec_hook=of_model)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[P, R]):
    """A type of job with options for the next enqueue."""

    app: App
    runner: PythonRunner
    options: Options
    title: str | None = None
    unique_key: str | None = None
    idempotency_key: str | None = None
    conn: Any = None
    returns: Any = Any
    after: tuple[UUID, ...] = ()

    def using(
        self,
        *,
        conn: Any = None,
        queue: str | None = None,
        priority: int | str | None = None,
        delay: Span | None = None,
        at: datetime | None = None,
        unique_key: str | None = None,
        idempotency_key: str | None = None,
        title: str | None = None,
        tags: Iterable[str] | None = None,
        cancel_at: datetime | None = None,
        task_id: UUID | None = None,
        project_id: UUID | None = None,
        after: Iterable[UUID | NewJob | Handle[Any]] | None = None,
        **terms: Unpack[Terms],
    ) -> Call[P, R]:
        """The same type of job, enqueued otherwise. `conn` joins the caller's open transaction.

        `after`: it waits for these jobs, for all or with `depends_mode="ANY"` for one of them; when they do not complete
        it fails, is cancelled or runs all the same, as `on_dependency` (FAIL, CANCEL, RUN) says.
        `on_conflict` and its likes say what comes of a job whose unique key another one holds; `unique` says from which
        fields of the input the key follows where none is given. `expires` cancels what has not ended so long after.
        """
        if delay is not None:
            at = self.app.now() + duration.parse(delay)
        changed: dict[str, Any] = {
            "queue": queue,
            "priority": None if priority is None else priority_of(priority),
            "scheduled_at": at,
            "tags": None if tags is None else tuple(tags),
            "cancel_at": cancel_at,
            "task_id": task_id,
            "project_id": project_id,
            **options_of(terms),
        }
        return replace(
            self,
            options=replace(self.options, **{key: value for key, value in changed.items() if value is not None}),
            conn=conn or self.conn,
            unique_key=unique_key or self.unique_key,
            idempotency_key=idempotency_key or self.idempotency_key,
            title=title or self.title,
            after=self.after if after is None else tuple(one if isinstance(one, UUID) else one.id for one in after),
        )

    def new(self, *args: P.args, **kwargs: P.kwargs) -> NewJob:
        """A job to hand to `App.enqueue_many`. Raises Invalid when the arguments do not fit."""
        given = graph.referred((args, kwargs))
        values, named = given.value if given.jobs else (args, kwargs)
        raw = self.runner.encode(tuple(values), named, fit=not given.jobs)  # what is not there yet cannot fit yet
        title = self.title.format_map(Named(kwargs)) if self.title else None
        options, key = self.options, self.options.concurrency_key
        if key is not None and "{" in key:
            options = replace(options, concurrency_key=key_of(key, self.runner.named(raw) or kwargs))
        return NewJob(
            id=new_id(),
            input=raw,
            options=options,
            title=title,
            unique_key=self.unique_key,
            traceparent=tracing.current(),
            after=tuple(dict.fromkeys((*self.after, *given.jobs))),
        )

    def revived(self, output: str | None) -> R:
        """A result (JSON) as the type that the function returns."""
        read: R = msgspec.json.decode(output or "null", type=self.returns, strict=False, dec_hook=of_model)
        return read

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Accepts a job; when this returns (or `conn` commits), it is never lost."""
        job = self.new(*args, **kwargs)
        if self.idempotency_key is not None:
            job_id, is_new = self.app.client.enqueue_once(job, self.idempotency_key)
            return Handle(job_id, not is_new, self.app, self.returns)
        conn: Connection | None = self.conn
        done = self.app.client.enqueue_all([job], conn=conn)
        return Handle(done.ids[0], bool(done.existed), self.app, self.returns)

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Like `enqueue`, awaited."""
        job = self.new(*args, **kwargs)
        if self.idempotency_key is not None:
            job_id, is_new = await self.app.aclient.enqueue_once(job, self.idempotency_key)
            return Handle(job_id, not is_new, self.app, self.returns)
        conn: AsyncConnection | None = self.conn
        done = await self.app.aclient.enqueue_all([job], conn=conn)
        return Handle(done.ids[0], bool(done.existed), self.app, self.returns)


class App:
    """The types of jobs of a project.

    `url` is that of the database, or of a server, to which JOBTRAIL_API_KEY opens the door. None: JOBTRAIL_DATABASE_URL,
    else JOBTRAIL_SERVER_URL, else the embedded server of this folder.
    """

    def __init__(self, url: str | None = None, *, workspace: UUID | None = None) -> None:
        self.runners: dict[str, Runner] = {}
        self.defaults: dict[str, Options] = {}
        self.schedules: dict[str, NewSchedule] = {}
        self.now: Callable[[], datetime] = _now  # by which a delay counts; tests stop it
        self._url = url
        self._workspace = workspace
        self._client: JobsClient | None = None
        self._aclient: AsyncJobsClient | None = None

    @property
    def workspace(self) -> UUID:
        """The workspace into which this app enqueues."""
        return self._workspace or DEFAULT_WORKSPACE

    @property
    def client(self) -> JobsClient:
        """The client through which this app enqueues; made when it is first needed."""
        if self._client is None:
            config: Config = settings.load()
            server = self._server(config)
            if server is not None:
                if self._workspace is not None:
                    raise Invalid("over HTTP the API key says which workspace it is; leave out workspace=")
                self._client = connect(server, config.api_key)
            else:
                url = self._url or settings.running_database(config)
                self._client = Client(url, workspace=self.workspace, pgbouncer=config.pgbouncer)
        return self._client

    @property
    def aclient(self) -> AsyncJobsClient:
        """The same, awaited."""
        if self._aclient is None:
            self._aclient = self.client.awaited()
        return self._aclient

    def connect(self, client: JobsClient | None) -> None:
        """Uses this client from now on; None: makes a new one when it is needed."""
        self._client, self._aclient = client, None

    def _server(self, config: Config) -> str | None:
        """The server to speak to; None: the database itself."""
        url = self._url or config.database_url or config.server_url
        return url if url is not None and is_server(url) else None

    def job(
        self,
        type: str | None = None,
        *,
        queue: str = "default",
        priority: int | str = 5,
        retry: Retry | int = Retry(),
        timeout: Span | None = None,
        idle_timeout: Span | None = None,
        queue_timeout: Span | None = None,
        title: str | None = None,
        tags: Iterable[str] = (),
        isolation: Isolation | None = None,
        check: Callable[..., Any] | None = None,
        **terms: Unpack[Terms],
    ) -> _Register:
        """Makes a function a type of job, named by default as the function.

        `timeout` is for the run, `idle_timeout` for the time without a sign of progress, `queue_timeout` for the
        wait in the queue. `isolation="process"` runs each attempt in a child process that can be killed. `check` gets
        the input as the function does, before the job takes a slot, and answers what is wrong with it, by parameter:
        files that are missing, hosts that are not allowed. The job fails at once with that; empty or None, it is queued.
        `unique="input"`, `unique=("customer",)` or `unique=Unique(...)` keeps its jobs from being there twice.
        """
        if callable(type):
            raise Invalid("write @app.job() with parentheses; without them the function would not become a job")
        policy = retry if isinstance(retry, Retry) else Retry(max_attempts=retry)
        options = Options(
            type=type or "",
            queue=jsonguard.check_name(queue, "a queue's name"),
            priority=priority_of(priority),
            tags=tuple(tags),
            **policy.columns,
            timeout_seconds=_seconds(timeout),
            idle_timeout_seconds=_seconds(idle_timeout),
            queue_timeout_seconds=_seconds(queue_timeout),
            **options_of(terms),
        )
        return _Register(self, replace(options, checked=check is not None), title, isolation, check, policy)

    def schedule(
        self, expression: str, *, zone: str = "UTC", type: str | None = None, **said: Unpack[Times]
    ) -> Callable[[C], C]:
        """Declares when jobs of a function are made: `@app.schedule("0 9 * * MON-FRI", zone="Europe/Berlin")` above
        `@app.job()`. For a type that is no function, `app.schedule("@daily", type="command", input={...})` by itself.

        A worker of the app applies it when it starts. What people change meanwhile stays until this changes.
        """
        if type is not None:
            raw = jsonguard.encode(dict(said.get("input", {})), at="input")
            self._plan(planned(expression, zone, said, Options(type=type), raw))

        def declare(call: C) -> C:
            if not isinstance(call, Call):
                raise Invalid("write @app.schedule(...) above @app.job(), so that it gets what that makes")
            given = dict(said.get("input", {}))
            raw = call.runner.encode((), given, fit="{tick" not in str(given))
            if call.title is not None and "{tick" not in call.title:
                said.setdefault("title", call.title.format_map(Named(given)))
            options, key = call.options, call.options.concurrency_key
            if key is not None:
                options = replace(options, concurrency_key=key_of(key, call.runner.named(raw) or given))
            self._plan(planned(expression, zone, said, options, raw, call.unique_key))
            return call

        return declare

    def _plan(self, new: NewSchedule) -> None:
        if new.name in self.schedules:
            raise Conflict(f"there are two schedules named {new.name!r}; give one of them a name of its own: name=")
        self.schedules[new.name] = new

    def add(self, runner: Runner) -> None:
        """Adds a runner of your own: `class MyRunner: type = "x"; async def run(self, context) -> Outcome`."""
        if runner.type in self.runners:
            raise Conflict(f"there are two runners for type {runner.type!r}; give one another name")
        self.runners[jsonguard.check_name(runner.type, "a job's type")] = runner

    def options(self, type: str) -> Options:
        """The defaults of a type. Raises UnknownType."""
        if type in self.defaults:
            return self.defaults[type]
        if type in self.runners:
            return Options(type=type, checked=has_check(self.runners[type]))
        raise UnknownType(f"this app knows no type {type!r}; it knows {', '.join(sorted(self.runners)) or 'none'}")

    def enqueue_many(self, jobs: Sequence[NewJob], *, conn: Connection | None = None) -> list[UUID]:
        """Accepts many jobs, all or none; made with `function.new(...)`. Answers their ids in order."""
        return list(self.client.enqueue_all(jobs, conn=conn).ids)

    def output(self, job: NewJob) -> Any:
        """Stands for the result of a job made with `function.new(...)` in the arguments of another one of its batch."""
        return Output(job.id)

    def enqueue_batch(self, jobs: Sequence[NewJob], *, then: NewJob, conn: Connection | None = None) -> Batch:
        """Accepts many jobs and one that runs when all of them have ended, however they did; all or none.

        `then` learns from `ctx.dependencies()` how each of them ended; its page is the page of the batch.
        """
        last = batches.closing(then, [job.id for job in jobs])
        done = self.client.enqueue_all([*jobs, last], conn=conn)
        return Batch(done.ids[-1], done.ids[:-1])


@dataclass(frozen=True, slots=True)
class _Register:
    """The decorator that `App.job` answers; overloads so that the context is not among the arguments to enqueue."""

    app: App
    options: Options
    title: str | None
    isolation: Isolation | None
    check: Callable[..., Any] | None
    retry: Retry

    @overload
    def __call__(self, function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]]) -> Call[P, R]: ...

    @overload
    def __call__(self, function: Callable[Concatenate[SyncContext, P], R]) -> Call[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Call[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R]) -> Call[P, R]: ...

    def __call__(self, function: Callable[..., Any]) -> Call[Any, Any]:
        type = self.options.type or function.__name__
        kind = IsolatedRunner if self.isolation == "process" else PythonRunner
        runner = kind(type, function, check=self.check)
        runner.retry = self.retry
        self.app.add(runner)
        options = replace(self.options, type=type)
        self.app.defaults[type] = options
        returns = get_type_hints(function).get("return", Any)
        return Call(app=self.app, runner=runner, options=options, title=self.title, returns=returns)


def _now() -> datetime:
    return datetime.now(UTC)


def _seconds(span: Span | None) -> float | None:
    return None if span is None else duration.parse(span).total_seconds()
