"""A dependency goes down and comes back: the breaker of a type keeps its jobs from burning their attempts meanwhile."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from database import Connection, Database
from scene import ME, SERVES_ALL, WORKSPACE, ids
from worker.at_work import Scene, wait_until
from worker.at_work import scene as make_scene

import jobtrail as jt
from jobtrail.core.breaker import BreakerMode, BreakerPolicy
from jobtrail.service import breakers
from jobtrail.store.db import run

JOBS = 5_000 if os.environ.get("JOBTRAIL_DEEP") else 600
SLOTS = 4


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Iterator[Scene]:
    with make_scene(database, tmp_path) as scene:
        yield scene


def test_what_waits_for_a_dependency_burns_no_attempts_and_all_is_done_when_it_is_back(
    scene: Scene, conn: Connection
) -> None:
    is_back, tries = threading.Event(), Counter[str]()

    @scene.app.job("calls", retry=jt.Retry(max_attempts=20, delay=0))
    async def calls(n: int) -> int:
        tries["back" if is_back.is_set() else "down"] += 1
        if not is_back.is_set():
            raise ConnectionError("it is down")
        return n

    def breaker() -> str:
        (found,) = run(conn, breakers.listed(WORKSPACE, "calls"), SERVES_ALL)
        return found.state

    def closed() -> bool:
        return breaker() == "CLOSED"

    policy = BreakerPolicy(min_failures=10, open_seconds=1)
    run(conn, breakers.put(WORKSPACE, "calls", BreakerMode.AUTO, ME, ids.new(), policy=policy), SERVES_ALL)
    scene.app.enqueue_many([calls.new(n=n) for n in range(JOBS)])
    with scene.work(slots=SLOTS):
        wait_until(lambda: breaker() == "HALF_OPEN", "a job is let through to see")
        wait_until(lambda: breaker() == "OPEN", "it failed, so no other is")
        failures = tries["down"]
        untouched = conn.execute("select count(*) from jobtrail.jobs where attempt_count = 0").fetchone()
        is_back.set()
        wait_until(closed, "a job completed, so all others may start")
        wait_until(lambda: count(conn, "COMPLETED") == JOBS, "all is done")
    assert failures < JOBS, "the breaker stopped nothing"
    assert untouched is not None and untouched[0] > 0
    assert count(conn, "FAILED") == 0


def count(conn: Connection, status: str) -> int:
    row = conn.execute("select count(*) from jobtrail.jobs where status = %s", (status,)).fetchone()
    assert row is not None
    number: int = row[0]
    return number


def test_failures_that_are_the_jobs_own_fault_open_nothing(scene: Scene, conn: Connection) -> None:
    @scene.app.job("faulty", retry=jt.Retry(no_retry_on=[ValueError]))
    async def faulty(n: int) -> None:
        raise ValueError(n)

    policy = BreakerPolicy(min_failures=1)
    run(conn, breakers.put(WORKSPACE, "faulty", BreakerMode.AUTO, ME, ids.new(), policy=policy), SERVES_ALL)
    scene.app.enqueue_many([faulty.new(n=n) for n in range(20)])
    with scene.work():
        wait_until(lambda: count(conn, "FAILED") == 20, "all failed")
    (found,) = run(conn, breakers.listed(WORKSPACE, "faulty"), SERVES_ALL)
    assert (found.state, found.failed) == ("CLOSED", 0)
