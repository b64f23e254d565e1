"""What a running service holds: its connections, its files, its settings; and the call of one request on them."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from starlette.requests import Request

from jobtrail.core.access import KeyFacts
from jobtrail.core.config import Config
from jobtrail.core.errors import Misconfigured, NotFound
from jobtrail.service import gauges, health, jobs, keys, login_sessions
from jobtrail.service.jobs import Options
from jobtrail.store.db import ALL, Scope
from jobtrail.store.files.local import LocalFiles
from jobtrail.store.pool import Database, Dial
from jobtrail.store.query import Flow, Query
from jobtrail.store.wake import Nudger
from jobtrail.web import openapi
from jobtrail.web.batching import Batcher, Wanted
from jobtrail.web.hints import Hints
from jobtrail.web.live.hub import Hub
from jobtrail.web.meters import Meters
from jobtrail.web.principal import Principal
from jobtrail.web.routing import Route

T = TypeVar("T")

_READ_TIMEOUT_MS = 2_000
_WRITE_TIMEOUT_MS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How to serve: the database, the settings, and what is known of the types of jobs (nothing where no app is given).

    `local`: whoever comes from this machine is let in without a key. Only for an address that nobody else can reach.
    """

    url: str = field(repr=False)
    config: Config
    types: dict[str, Options] = field(default_factory=dict)
    local: bool = False


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
        self.batcher = Batcher(self._enqueue)
        self.closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Task[None] | None = None
        self.hub = Hub(self._dial("jobtrail-stream", _READ_TIMEOUT_MS), still_allowed=self._still_allowed)
        self.meters = Meters(lambda: self.reads.arun(gauges.read(), Scope.of(ALL)))
        self.routes = routes
        self.known_keys: dict[UUID, KnownKey] = {}
        self._documents: dict[str, bytes] = {}

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

    def forget_key(self, key_id: UUID) -> None:
        """Looks the key up anew before it opens the door again, here; elsewhere within seconds."""
        self.known_keys.pop(key_id, None)

    def hang_up(self) -> None:
        """Lets streams and whoever waits for jobs end, for a shutdown. Safe in a signal handler."""
        self.hints.hang_up()
        self.closing = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end_streams)

    async def stop(self) -> None:
        """Ends what runs and closes the connections."""
        self.closing = True
        await self._end_streams()
        await self.hints.aclose()
        await self.batcher.aclose()
        self.nudger.close()
        await self.reads.aclose()
        await self.writes.aclose()

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

    async def _enqueue(self, workspace: UUID, actor: Any, group: list[Wanted]) -> None:
        """One transaction for jobs of one workspace and actor; where it fails, each for itself, to tell whose fault."""
        if len(group) > 1 and all(wanted.key is None for wanted in group):
            work = jobs.enqueue(workspace, [wanted.job for wanted in group], actor)
            done = await self.writes.arun(work, Scope.of(workspace))
            for wanted, job_id in zip(group, done.ids, strict=True):
                wanted.answer.set_result((job_id, job_id == wanted.job.id))
            return
        for wanted in group:
            if wanted.key is None:
                done = await self.writes.arun(jobs.enqueue(workspace, [wanted.job], actor), Scope.of(workspace))
                wanted.answer.set_result((done.ids[0], not done.existed))
            else:
                once = jobs.enqueue_once(workspace, wanted.job, actor, wanted.key)
                wanted.answer.set_result(await self.writes.arun(once, Scope.of(workspace)))


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
