"""Runs Queries and Flows on any connection, ours or the caller's own, and translates SQLSTATEs to our errors."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg
from psycopg.raw_cursor import AsyncRawCursor, RawCursor

from jobtrail.core import errors
from jobtrail.store.query import Flow, Query, statement

T = TypeVar("T")
Connection = psycopg.Connection[Any]
AsyncConnection = psycopg.AsyncConnection[Any]

ALL: Final = "*"
"""The workspace of a worker, which serves all."""

_SET_SCOPE: Final = b"select set_config('jobtrail.workspace', $1, true)"
_BEGIN: Final = b"select true"
"""Lets the driver begin the caller's transaction, so that ours is a savepoint in it and not the whole of it."""

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a connection speaks: one workspace, or all. `standing`: the session is set so, once and for all."""

    workspace: str
    standing: bool = False

    @classmethod
    def of(cls, workspace: UUID | str) -> Scope:
        """A scope that each transaction sets for itself; the only kind that a pooler or a borrowed connection bears."""
        return cls(str(workspace))


def run(conn: Connection, work: Query[T] | Flow[T], scope: Scope) -> T:
    """Executes `work` on `conn` and returns what it reads.

    On a connection that is not in autocommit, or inside a transaction, it is a savepoint of the caller's transaction,
    which only the caller commits. A transaction of our own that meets a deadlock, a
    serialization failure or a `ConcurrentUpdate` is tried 3 times with backoff.
    Raises the errors of `jobtrail.core.errors`.
    """
    own = conn.autocommit and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    for tried in range(1, _TRIES + 1):
        try:
            return _run_once(conn, work, scope, alone=own)
        except (psycopg.Error, UnicodeEncodeError, errors.ConcurrentUpdate) as error:
            if not (own and tried < _TRIES and _may_repeat(error)):
                raise translated(error) from error
        time.sleep(_pause(tried))
    raise AssertionError("the last try returns or raises")


async def arun(conn: AsyncConnection, work: Query[T] | Flow[T], scope: Scope) -> T:
    """Like `run`, on an async connection."""
    own = conn.autocommit and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    for tried in range(1, _TRIES + 1):
        try:
            return await _arun_once(conn, work, scope, alone=own and conn.autocommit)
        except (psycopg.Error, UnicodeEncodeError, errors.ConcurrentUpdate) as error:
            if not (own and tried < _TRIES and _may_repeat(error)):
                raise translated(error) from error
        await asyncio.sleep(_pause(tried))
    raise AssertionError("the last try returns or raises")


def _run_once(conn: Connection, work: Query[T] | Flow[T], scope: Scope, *, alone: bool) -> T:
    cur = RawCursor(conn)
    if scope.standing and alone and not (isinstance(work, Flow) and work.atomic):
        return _drive(cur, work)
    if not conn.autocommit:
        cur.execute(_BEGIN)
    with conn.transaction():
        if not scope.standing:
            cur.execute(_SET_SCOPE, (scope.workspace,))
        return _drive(cur, work)


def _drive(cur: RawCursor[Any], work: Query[T] | Flow[T]) -> T:
    if isinstance(work, Query):
        cur.execute(statement(work.name), work.params)
        return work.read(cur.fetchall() if cur.description else [])
    steps, answer = work.begin(), None
    while True:
        try:
            query = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        cur.execute(statement(query.name), query.params)
        answer = query.read(cur.fetchall() if cur.description else [])


async def _arun_once(conn: AsyncConnection, work: Query[T] | Flow[T], scope: Scope, *, alone: bool) -> T:
    cur = AsyncRawCursor(conn)
    if scope.standing and alone and not (isinstance(work, Flow) and work.atomic):
        return await _adrive(cur, work)
    if not conn.autocommit:
        await cur.execute(_BEGIN)
    async with conn.transaction():
        if not scope.standing:
            await cur.execute(_SET_SCOPE, (scope.workspace,))
        return await _adrive(cur, work)


async def _adrive(cur: AsyncRawCursor[Any], work: Query[T] | Flow[T]) -> T:
    if isinstance(work, Query):
        await cur.execute(statement(work.name), work.params)
        return work.read(await cur.fetchall() if cur.description else [])
    steps, answer = work.begin(), None
    while True:
        try:
            query = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result
        await cur.execute(statement(query.name), query.params)
        answer = query.read(await cur.fetchall() if cur.description else [])


def _may_repeat(error: Exception) -> bool:
    return isinstance(
        error,
        errors.ConcurrentUpdate | psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure,
    )


def _pause(tried: int) -> float:
    """Full jitter under 10, 40 ms: long enough for the other to commit, short enough to go unnoticed."""
    return random.uniform(0.001, 0.010 * 4 ** (tried - 1))  # noqa: S311  (no secret)


_BY_STATE: Final[dict[str, tuple[type[errors.JobtrailError], str]]] = {
    "JT001": (errors.IllegalMove, ""),
    "JT002": (errors.Denied, ""),
    "JT003": (errors.NotFound, ""),
    "22P02": (errors.Invalid, "the database cannot read a value: "),
    "22P05": (errors.Invalid, "text holds a character that PostgreSQL cannot store: "),
    "23505": (errors.Conflict, "it exists already: "),
    "23514": (errors.Invalid, "a value is out of range: "),
    "23503": (errors.Invalid, "it refers to something that is not in this workspace: "),
    "28000": (errors.Misconfigured, "the database refuses this user; check JOBTRAIL_DATABASE_URL: "),
    "28P01": (errors.Misconfigured, "the database refuses this password; check JOBTRAIL_DATABASE_URL: "),
    "3D000": (errors.Misconfigured, "there is no such database; create it or check JOBTRAIL_DATABASE_URL: "),
    "40001": (errors.ConcurrentUpdate, "three tries met other writers: "),
    "40P01": (errors.ConcurrentUpdate, "three tries ended in a deadlock: "),
    "42501": (errors.Misconfigured, "the database role lacks a right; run `jobtrail db up` as the owner: "),
    "42P01": (errors.StaleSchema, "a table is missing; run `jobtrail db up`: "),
    "42703": (errors.StaleSchema, "a column is missing; run `jobtrail db up`: "),
    "42883": (errors.StaleSchema, "a function is missing; run `jobtrail db up`: "),
    "3F000": (errors.StaleSchema, "the tables are not there yet; run `jobtrail db up`: "),
    "53100": (errors.Unavailable, "the database's disk is full; free space there: "),
    "53300": (errors.Unavailable, "the database has no connection left; raise max_connections or lower --slots: "),
    "57014": (errors.TooSlow, "the database stopped a statement that took too long: "),
}


def translated(error: Exception) -> Exception:
    """Our error for one of the driver's; errors that are ours already pass through."""
    if isinstance(error, UnicodeEncodeError):
        return errors.Invalid(f"text holds a character that UTF-8 cannot hold (a lone surrogate), at {error.start}")
    if not isinstance(error, psycopg.Error):
        return error
    said = (error.diag.message_primary or str(error)).strip()
    if error.diag.message_hint:
        said += f" ({error.diag.message_hint})"
    if error.sqlstate in _BY_STATE:
        family, prefix = _BY_STATE[error.sqlstate]
        return family(prefix + said)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        for state in ("28P01", "28000", "3D000"):
            if _connect_failed_as(state, said):
                family, prefix = _BY_STATE[state]
                return family(prefix + said)
        return errors.Unavailable(f"the database cannot be reached: {said}")
    if isinstance(error, psycopg.DataError):
        return errors.Invalid(f"the database cannot store a value: {said}")
    return errors.JobtrailError(f"the database refused: {said} [{error.sqlstate}]")


def _connect_failed_as(state: str, said: str) -> bool:
    """libpq gives no SQLSTATE for a refused connection, only the server's words."""
    words = {
        "28P01": "password authentication failed",
        "28000": "no pg_hba.conf entry",
        "3D000": "database",
    }[state]
    return words in said and (state != "3D000" or "does not exist" in said)
