"""Connections of our own: how they are dialled, pooled, and spared while the database is away."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from jobtrail.core.errors import TooSlow, Unavailable
from jobtrail.store.db import ALL, AsyncConnection, Connection, Scope, arun, run, translated
from jobtrail.store.query import Flow, Query

T = TypeVar("T")

_KEEPALIVE: Final[dict[str, Any]] = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 4_000,
}
"""A cut link is noticed in about 4 s instead of never (reliability: P5)."""

_SESSION: Final = {"timezone": "UTC", "jit": "off", "idle_in_transaction_session_timeout": "10s"}

_HOT: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_nestloop": "off",
    "enable_mergejoin": "off",
}
"""For a worker's set-based statements: planned once, by index and hash, however empty the tables were at that time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """How to reach the database and for whom. `pgbouncer`: nothing that needs a session, no prepared statements."""

    url: str
    workspace: str = ALL
    name: str = "jobtrail"
    hot: bool = False
    pgbouncer: bool = False
    statement_timeout_ms: int = 60_000

    @property
    def scope(self) -> Scope:
        """The scope that a connection dialled so has."""
        return Scope(self.workspace, standing=not self.pgbouncer)

    def conninfo(self) -> str:
        """The connection string: the caller's, with what it leaves open filled in."""
        given = conninfo_to_dict(self.url)
        wanted: dict[str, Any] = {**_KEEPALIVE, "application_name": self.name, **given}
        if not self.pgbouncer:
            settings = {**_SESSION, **(_HOT if self.hot else {}), "jobtrail.workspace": self.workspace}
            settings["statement_timeout"] = str(self.statement_timeout_ms)
            ours = " ".join(f"-c {key}={value}" for key, value in settings.items())
            wanted["options"] = f"{given.get('options') or ''} {ours}".strip()
        return make_conninfo("", **wanted)


def connect(dial: Dial) -> Connection:
    """A connection in autocommit. Raises Unavailable or Misconfigured."""
    try:
        return psycopg.connect(dial.conninfo(), autocommit=True, prepare_threshold=None if dial.pgbouncer else 0)
    except psycopg.Error as error:
        raise translated(error) from error


async def aconnect(dial: Dial) -> AsyncConnection:
    """An async connection in autocommit. Raises Unavailable or Misconfigured.

    Whoever is cancelled while it is made leaves none behind that stands half open until the server gives it up.
    """
    making = asyncio.ensure_future(
        psycopg.AsyncConnection.connect(
            dial.conninfo(), autocommit=True, prepare_threshold=None if dial.pgbouncer else 0
        )
    )
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        making.add_done_callback(_unwanted)
        raise
    except psycopg.Error as error:
        raise translated(error) from error


def _unwanted(making: asyncio.Future[AsyncConnection]) -> None:
    """Closes a connection for which nobody waits any more."""
    if not making.cancelled() and making.exception() is None:
        making.result().pgconn.finish()


class Breaker:
    """Keeps a process from hammering a database that is away: after 3 failures in a row calls fail at once for a
    while (1 s, doubling to 30 s, with jitter), then one may try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._lock = threading.Lock()

    def admit(self) -> None:
        """Raises Unavailable while the breaker is open."""
        with self._lock:
            left = self._until - self._clock()
            if left > 0:
                raise Unavailable(
                    f"the database was away {self._failures} times in a row; the next try is in {left:.1f} s"
                )
            if self._failures >= 3:
                self._until = self._clock() + 1.0  # one caller tries, the others wait for what it finds

    def failed(self) -> None:
        """Tells that a call did not reach the database."""
        with self._lock:
            self._failures += 1
            if self._failures >= 3:
                wait = min(30.0, 2.0 ** (self._failures - 3))
                self._until = self._clock() + wait * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)

    def succeeded(self) -> None:
        """Tells that the database answered."""
        if self._failures:
            with self._lock:
                self._failures, self._until = 0, 0.0


class Database:
    """A small pool of connections for one scope, sync and async, behind one breaker. Closes with the context."""

    def __init__(self, dial: Dial, *, size: int = 4) -> None:
        self.dial = dial
        self._size = size
        self._breaker = Breaker()
        self._seat = threading.Lock()
        self._conn: Connection | None = None
        self._pool: ConnectionPool[Connection] | None = None
        self._apool: AsyncConnectionPool[AsyncConnection] | None = None
        self._opening, self._making = asyncio.Lock(), threading.Lock()

    def run(self, work: Query[T] | Flow[T]) -> T:
        """Runs `work` on a pooled connection. Raises Unavailable when the database is away; nothing is tried twice
        that might have been done."""
        self._breaker.admit()
        try:
            if self._seat.acquire(blocking=False):
                try:
                    answer = run(self._own(), work, self.dial.scope)
                finally:
                    self._seat.release()
            else:
                with self._sync().connection() as conn:
                    answer = run(conn, work, self.dial.scope)
        except TooSlow:
            raise  # it is there, and answered
        except (PoolTimeout, psycopg.OperationalError, Unavailable) as error:
            self._breaker.failed()
            raise _unreachable(error) from error
        self._breaker.succeeded()
        return answer

    async def arun(self, work: Query[T] | Flow[T], scope: Scope | None = None) -> T:
        """Like `run`, async; for another scope than that of its sessions where one is given."""
        self._breaker.admit()
        try:
            async with (await self._async()).connection() as conn:
                answer = await arun(conn, work, scope or self.dial.scope)
        except TooSlow:
            raise  # it is there, and answered
        except (PoolTimeout, psycopg.OperationalError, Unavailable) as error:
            self._breaker.failed()
            raise _unreachable(error) from error
        self._breaker.succeeded()
        return answer

    def close(self) -> None:
        """Closes the sync connections."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def aclose(self) -> None:
        """Closes both pools."""
        self.close()
        if self._apool is not None:
            await self._apool.close()
            self._apool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _own(self) -> Connection:
        """The connection of whoever comes alone: a pool's bookkeeping would cost more than a small statement."""
        if self._conn is None or self._conn.closed:
            self._conn = connect(self.dial)
        return self._conn

    def _sync(self) -> ConnectionPool[Connection]:
        with self._making:  # many may come first
            if self._pool is None:
                connect(self.dial).close()  # a wrong URL or password is told at once, not after the pool's patience
                self._pool = ConnectionPool(
                    self.dial.conninfo(),
                    kwargs=self._kwargs(),
                    min_size=1,
                    max_size=self._size,
                    timeout=5.0,
                    open=True,
                    name=self.dial.name,
                    check=ConnectionPool.check_connection if self.dial.pgbouncer else None,
                )
            return self._pool

    async def _async(self) -> AsyncConnectionPool[AsyncConnection]:
        if self._apool is not None:
            return self._apool
        async with self._opening:  # many may come first
            return await self._opened()

    async def _opened(self) -> AsyncConnectionPool[AsyncConnection]:
        if self._apool is None:
            await (await aconnect(self.dial)).close()
            pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
                self.dial.conninfo(),
                kwargs=self._kwargs(),
                min_size=1,
                max_size=self._size,
                timeout=5.0,
                open=False,
                name=self.dial.name,
            )
            await pool.open()
            self._apool = pool
        return self._apool

    def _kwargs(self) -> dict[str, Any]:
        return {"autocommit": True, "prepare_threshold": None if self.dial.pgbouncer else 0}


def _unreachable(error: Exception) -> Unavailable:
    if isinstance(error, Unavailable):
        return error
    return Unavailable(f"the database cannot be reached: {error}")
