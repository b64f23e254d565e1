"""Connections that are shared by all workspaces: whatever ends the work on one, the next finds it speaking for nobody."""

from __future__ import annotations

import asyncio
import os
import random
import threading
from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from database import Connection, Database
from psycopg.pq import TransactionStatus
from psycopg_pool import PoolTimeout
from scene import ME, Scene, ids

from jobtrail.core.errors import JobtrailError
from jobtrail.core.model import Worker
from jobtrail.service import projects, workers, workspaces
from jobtrail.store import pool, query
from jobtrail.store.db import Scope, run
from jobtrail.store.pool import Dial
from jobtrail.store.query import Flow, Query, Steps, ask, atomic, flow

DEEP = bool(os.environ.get("JOBTRAIL_DEEP"))
ROUNDS = 250 if DEEP else 15
AT_ONCE = 64
SPACES = 16
SIZE = 8
SETTING = b"select coalesce(current_setting('jobtrail.workspace', true), ''), (select count(*) from jobtrail.workers)"
ENDS = ("well", "breaks", "clashes", "is refused", "is cancelled")

Seen = set[UUID | None]


class Broken(Exception):  # noqa: N818  it is what it says
    """What somebody's code does in the middle."""


@dataclass
class Account:
    """How each piece of work ended, what it saw of others, and how connections were found."""

    ended: dict[str, int] = field(default_factory=dict)
    wrong: list[object] = field(default_factory=list)
    checked: int = 0

    def end(self, how: str) -> None:
        self.ended[how] = self.ended.get(how, 0) + 1

    def saw(self, space: UUID, seen: Seen) -> None:
        self.end("well")
        if seen != {space}:
            self.wrong.append((space, seen))

    def found(self, row: tuple[object, ...] | None) -> None:
        self.checked += 1
        if row != ("", 0):
            self.wrong.append(row)


@pytest.fixture
def spaces(conn: Connection) -> list[UUID]:
    """Workspaces with a worker and a project each."""
    made = [ids.new() for _ in range(SPACES)]
    for one in made:
        scene = Scene(conn, one)
        scene.do(workspaces.create(one, f"w{one}", ME))
        scene.do(projects.create(one, ids.new(), "p"))
        scene.new_worker(workspace=one)
    return made


def work(space: UUID, end: str, *, together: bool) -> Flow[Seen]:
    """Looks, writes, ends as it is to end, and looks again. The statement that looks names no workspace."""

    def steps() -> Steps[Seen]:
        seen = _of((yield from ask(workers.listed(1_000))))
        yield from projects.create(space, ids.new(), f"p{ids.new()}").begin()
        if end == "breaks":
            raise Broken
        if end == "clashes":
            yield from projects.create(space, ids.new(), "p").begin()
        if end == "is refused":
            yield from ask(Query("reads/project", (space, "no id"), query.rows))
        return seen | _of((yield from ask(workers.listed(1_000))))

    return (atomic if together else flow)(steps)()


def sessions(admin: Connection) -> int:
    """How many connections there are: all who come first together make one pool."""
    (found,) = admin.execute(
        "select count(*) from pg_stat_activity where application_name = 'jobtrail-web' and datname = current_database()"
    ).fetchone() or (0,)
    return int(found)


def _of(found: list[Worker]) -> Seen:
    return {one.workspace_id for one in found}


def dials(database: Database, *, pooler: bool) -> Dial:
    """As the web service dials."""
    return Dial(url=database.app_url, workspace="", name="jobtrail-web", pgbouncer=pooler)


KINDS = pytest.mark.parametrize("pooler", [False, True], ids=["direct", "for a pooler"])


@KINDS
async def test_no_task_finds_what_another_spoke_for(
    database: Database, admin: Connection, spaces: list[UUID], pooler: bool
) -> None:
    account = Account()
    shared = pool.Database(dials(database, pooler=pooler), size=SIZE)
    try:
        await asyncio.gather(*(_task(shared, spaces, random.Random(n), account) for n in range(AT_ONCE)))
        assert 0 < sessions(admin) <= 2 * SIZE  # some may be on their way out
    finally:
        await shared.aclose()
    assert account.wrong == []
    assert account.checked >= AT_ONCE and set(account.ended) >= set(ENDS), account


async def _task(shared: pool.Database, spaces: list[UUID], dice: random.Random, account: Account) -> None:
    for _ in range(ROUNDS):
        space, end = dice.choice(spaces), dice.choice(ENDS)
        wanted = work(space, end, together=dice.random() < 0.5)
        doing = asyncio.ensure_future(shared.arun(wanted, Scope.of(space)))
        if end == "is cancelled":
            for _ in range(dice.randrange(40)):
                await asyncio.sleep(0)
            doing.cancel()
        try:
            account.saw(space, await doing)
        except (Broken, JobtrailError, asyncio.CancelledError):
            account.end(end)
        await _look(shared, account)


async def _look(shared: pool.Database, account: Account) -> None:
    """What whoever borrows a connection next finds."""
    async with (await shared._async()).connection() as conn:
        assert conn.info.transaction_status == TransactionStatus.IDLE
        account.found(await (await conn.execute(SETTING)).fetchone())


@KINDS
def test_no_thread_finds_what_another_spoke_for(
    database: Database, admin: Connection, spaces: list[UUID], pooler: bool
) -> None:
    account, failed = Account(), list[BaseException]()
    with pool.Database(dials(database, pooler=pooler), size=SIZE) as shared:
        threads = [
            threading.Thread(target=_thread, args=(shared, spaces, random.Random(n), account, failed))
            for n in range(AT_ONCE)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 0 < sessions(admin) <= 2 * SIZE  # some may be on their way out
    assert (account.wrong, failed) == ([], [])
    assert account.checked >= AT_ONCE and set(account.ended) >= set(ENDS) - {"is cancelled"}, account


def _thread(
    shared: pool.Database, spaces: list[UUID], dice: random.Random, account: Account, failed: list[BaseException]
) -> None:
    for _ in range(ROUNDS):
        space, end = dice.choice(spaces), dice.choice(ENDS[:-1])
        try:
            with shared._sync().connection(timeout=60) as conn:
                account.found(conn.execute(SETTING).fetchone())
                account.saw(space, run(conn, work(space, end, together=dice.random() < 0.5), Scope.of(space)))
        except (Broken, JobtrailError):
            account.end(end)
        except (PoolTimeout, AssertionError) as error:
            failed.append(error)


def test_a_setting_for_the_session_would_be_found(database: Database, spaces: list[UUID]) -> None:
    """That the tests above look at the right thing."""
    account = Account()
    with closing(database.connect(None)) as conn:
        conn.execute("select set_config('jobtrail.workspace', %s, false)", (str(spaces[0]),))
        account.found(conn.execute(SETTING).fetchone())
    assert account.wrong == [(str(spaces[0]), 1)]
