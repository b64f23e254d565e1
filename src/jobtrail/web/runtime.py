"""What a running service holds: its connections, its files, its settings; and the call of one request on them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Hashable
from dataclasses import asdict, dataclass, field
from typing import TypeVar
from uuid import UUID

import msgspec
from starlette.requests import Request

from jobtrail.core.access import KeyFacts
from jobtrail.core.config import Config
from jobtrail.core.errors import Conflict, Invalid, JobtrailError, Misconfigured, NotFound
from jobtrail.core.model import Actor
from jobtrail.service import gauges, health, jobs, keys, login_sessions, validations, workspaces
from jobtrail.service.jobs import Options
from jobtrail.store.db import ALL, Scope
from jobtrail.store.files.local import LocalFiles
from jobtrail.store.pool import Database, Dial
from jobtrail.store.query import Flow, Query
from jobtrail.store.wake import Nudger
from jobtrail.web import openapi
from jobtrail.web.batching import Batcher, Wanted
from jobtrail.web.checks import Checks
from jobtrail.web.hints import Hints
from jobtrail.web.killing import Killer
from jobtrail.web.live.hub import Hub
from jobtrail.web.meters import Meters, Streams
from jobtrail.web.principal import Principal
from jobtrail.web.rates import Rates
from jobtrail.web.routing import Route
from jobtrail.web.shared import Shared

T = TypeVar("T")

log = logging.getLogger("jobtrail.web")

_NOTED_SECONDS = 10.0
_NAMED_SECONDS = 5.0
_READ_TIMEOUT_MS = 2_000
_WRITE_TIMEOUT_MS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How to serve: the database, the settings, and what is known of the types of jobs (nothing where no app is given).

    `enqueues_at_once`: how many single enqueues may share a commit. `local`: whoever comes from this machine is let in
    without a key; only for an address that nobody else can reach. `killer`: kills workers of the terminal that serves;
    it goes with `local` alone. Raises Misconfigured where it does not.
    """

    url: str = field(repr=False)
    config: Config
    types: dict[str, Options] = field(default_factory=dict)
    local: bool = False
    killer: Killer | None = None
    enqueues_at_once: int = 200

    def __post_init__(self) -> None:
        """A service that others can reach kills nothing."""
        if self.killer is not None and not self.local:
            raise Misconfigured("only a service for this machine alone may kill workers")


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key as it was when it was last looked up (None: there was none), good until then (monotonic seconds)."""

    facts: KeyFacts | None
    until: float


class Runtime:
    """The resources of a service. Looking never slows working: reads have a pool of their own (L13)."""

    def __init__(self, service: Service, routes: tuple[Route, ...]) -> None:
        config = service.config
        self.service, self.config = service, config
        self.reads = Database(self._dial("jobtrail-read", _READ_TIMEOUT_MS), size=config.read_connections)
        self.writes = Database(self._dial("jobtrail-write", _WRITE_TIMEOUT_MS), size=config.write_connections)
        self.files = LocalFiles(config.assets)
        self.nudger = Nudger(Dial(url=service.url, name="jobtrail-nudge", pgbouncer=config.pgbouncer))
        self.hints = Hints(Dial(url=service.url, name="jobtrail-hints", pgbouncer=config.pgbouncer))
        self.claims = asyncio.Semaphore(max(1, config.write_connections // 2))  # leaves connections to everybody else
        self.checks = Checks(lambda workspace: self.reads.arun(validations.checked_types(), Scope.of(workspace)))
        self.batcher = Batcher(self._enqueue, at_once=service.enqueues_at_once)
        self.closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Task[None] | None = None
        dial = self._dial("jobtrail-stream", _READ_TIMEOUT_MS)
        self.hub = Hub(dial, still_allowed=self._still_allowed, hints=False)
        self.meters = Meters(lambda: self.reads.arun(gauges.read(), Scope.of(ALL)))
        self.meters.registry.register(Streams(lambda: self.hub.listeners, lambda: asdict(self.hub.counts)))
        self.routes = routes
        # Each look at a password takes 32 MiB and 60 ms of a core: more at once would bring the service down.
        self.password_checks = asyncio.Semaphore(2)
        self.strangers = Rates(config.key_requests_per_second, config.key_requests_per_second * 2)
        self.used: set[tuple[str, UUID]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.known_keys: dict[UUID, KnownKey] = {}
        self._documents: dict[str, bytes] = {}
        self._names: dict[UUID, tuple[str, float]] = {}
        self.shared = Shared()

    def _dial(self, name: str, timeout_ms: int) -> Dial:
        """Sessions that see nothing until a transaction says for which workspace it speaks."""
        return Dial(
            url=self.service.url,
            workspace="",
            name=name,
            pgbouncer=self.config.pgbouncer,
            statement_timeout_ms=timeout_ms,
        )

    async def start(self) -> None:
        """Opens what must be open before the first request. Raises Misconfigured for a role that no rule binds."""
        server = await self.reads.arun(health.server(), Scope.of(ALL))
        if server is not None and (server.superuser or server.bypasses_rls):
            what = "is a superuser" if server.superuser else "bypasses row-level security"
            raise Misconfigured(
                f"the database role {server.role} {what}, so that nothing would keep workspaces apart; "
                "name another one in JOBTRAIL_DATABASE_URL"
            )
        self._loop = asyncio.get_running_loop()
        await self.hub.start()
        self.hints.also_tell(self.hub.hint)
        self._tasks.append(asyncio.create_task(self._note_use()))

    async def name_of(self, workspace: UUID, *, fresh: bool = False) -> str:
        """What a workspace is called; unless `fresh`, it may be 5 s old. Raises NotFound."""
        known = self._names.get(workspace)
        if fresh or known is None or time.monotonic() > known[1]:
            found = await self.reads.arun(workspaces.get(workspace), Scope.of(workspace))
            if found is None:
                raise NotFound(f"there is no workspace {workspace}")
            known = self._names[workspace] = (found.name, time.monotonic() + _NAMED_SECONDS)
        return known[0]

    def forget_key(self, key_id: UUID) -> None:
        """Looks the key up anew before it opens the door again, here; elsewhere within seconds."""
        self.known_keys.pop(key_id, None)
        self.hub.recheck()

    def hang_up(self) -> None:
        """Lets streams and whoever waits for jobs end, for a shutdown. Safe in a signal handler."""
        self.hints.hang_up()
        self.closing = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_streams)

    async def stop(self) -> None:
        """Ends what runs and closes the connections."""
        self.closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end_streams()
        await self.hints.aclose()
        await self.batcher.aclose()
        self.nudger.close()
        await self.reads.aclose()
        await self.writes.aclose()

    async def _note_use(self) -> None:
        """Now and then writes down which keys and logins were used; late rather than with each request."""
        while True:
            await asyncio.sleep(_NOTED_SECONDS)
            used, self.used = self.used, set()
            try:
                for kind, seen in (("key", keys.touch), ("login", login_sessions.seen)):
                    if ids := [one for name, one in used if name == kind]:
                        await self.writes.arun(seen(ids), Scope.of(ALL))
            except JobtrailError as error:
                self.used |= used
                log.warning("the use of keys could not be noted: %s", error.message)

    def _end_streams(self) -> asyncio.Task[None]:
        """Once, whoever comes first: a signal, or the end of the app."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self.hub.aclose())
        return self._ending

    async def _still_allowed(self, listeners: frozenset[Hashable]) -> set[Hashable]:
        """Those keys and logins that may listen on; asked of the database, for they may have been revoked elsewhere."""
        ids: dict[str, list[UUID]] = {"key": [], "login": []}
        for listener in listeners:
            if isinstance(listener, tuple):
                ids[listener[0]].append(listener[1])
        live: set[Hashable] = set()
        for kind, alive in (("key", keys.alive), ("login", login_sessions.alive)):
            if ids[kind]:
                live |= {(kind, one) for one in await self.reads.arun(alive(ids[kind]), Scope.of(ALL))}
        return live

    def document(self, prefix: str) -> bytes:
        """The OpenAPI document for where the service is mounted."""
        if prefix not in self._documents:
            self._documents[prefix] = msgspec.json.encode(openapi.document(self.routes, prefix=prefix))
        return self._documents[prefix]

    async def _enqueue(self, workspace: UUID, actor: Actor, group: list[Wanted]) -> None:
        """One transaction for all; where the database refuses something, each for itself, to tell whose fault it is."""
        scope = Scope.of(workspace)
        requests = [(wanted.job, wanted.key) for wanted in group]
        try:
            answers = await self.writes.arun(jobs.enqueue_many_once(workspace, requests, actor), scope)
        except (Invalid, Conflict):
            for wanted in group:
                try:
                    alone = jobs.one_by_one(workspace, wanted.job, wanted.key, actor)
                    accepted = await self.writes.arun(alone, scope)
                    wanted.tell(accepted)
                except JobtrailError as error:
                    wanted.tell(error)
            return
        for wanted, answer in zip(group, answers, strict=True):
            wanted.tell(answer)


@dataclass(frozen=True, slots=True)
class Call:
    """One request on a running service, by somebody who may make it."""

    runtime: Runtime
    request: Request
    principal: Principal

    @property
    def workspace(self) -> UUID:
        """The workspace for which all of this request speaks."""
        return self.principal.workspace

    async def read(self, work: Query[T] | Flow[T]) -> T:
        """Runs a verb that only looks."""
        return await self.runtime.reads.arun(work, Scope.of(self.workspace))

    async def write(self, work: Query[T] | Flow[T], *hints: str) -> T:
        """Runs a verb that changes something, then wakes who waits for these queues."""
        done = await self.runtime.writes.arun(work, Scope.of(self.workspace))
        if hints:
            self.runtime.nudger.nudge(hints)
        return done

    async def across(self, work: Query[T] | Flow[T]) -> T:
        """Runs a verb on what belongs to no workspace: users, logins, workspaces. The verb itself names whose it is."""
        return await self.runtime.writes.arun(work, Scope.of(ALL))

    @property
    def prefix(self) -> str:
        """The path under which the service is mounted, for addresses in answers."""
        return str(self.request.scope.get("root_path", ""))

    async def found_across(self, work: Query[T | None], what: str) -> T:
        """Like `across`, for one thing. Raises NotFound."""
        thing = await self.across(work)
        if thing is None:
            raise NotFound(f"there is no {what}")
        return thing

    async def found(self, work: Query[T | None], what: str) -> T:
        """Like `read`, for one thing. Raises NotFound, also for what belongs to others."""
        thing = await self.read(work)
        if thing is None:
            raise NotFound(f"there is no {what} in this workspace")
        return thing
