"""Workers are killed while their jobs fill a limit: the trail shows that it was never passed, and never left unused for long."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from database import Connection, Database
from worker import limited
from worker.at_work import wait_until

from jobtrail.client import Client
from jobtrail.core.limits import LimitScope

KILLS = 200 if os.environ.get("JOBTRAIL_DEEP") else 12
MOST = 5
AHEAD = 60
"""So many jobs wait at least, so that the limit could always be filled."""

OVERLAP = """
with moves as (
  select at, seq, case when type = 'job.started' then 1 else -1 end as step from jobtrail.events
  where type = 'job.started' or (type in ('job.completed', 'job.lost', 'job.interrupted', 'job.failed', 'job.retry_scheduled')
    and attempt_id is not null)
), stood as (
  select at, sum(step) over (order by at, step, seq) as running, lead(at) over (order by at, step, seq) as until from moves
), parts as (
  select at, until, running, count(*) filter (where running >= %(most)s) over (order by at) as full_before from stood
), below as (
  select max(until) - min(at) as long from parts where running < %(most)s and full_before > 0
    and at < %(busy_until)s group by full_before
)
select (select max(running) from stood), (select extract(epoch from max(long))::float8 from below), (select count(*) from moves)
"""
"""The most attempts that were open at once, by the trail; the longest time in which fewer were than could have been."""


@pytest.mark.timeout(1_800)
def test_killed_workers_neither_pass_a_limit_nor_leave_it_unused(database: Database, tmp_path: Path) -> None:
    chance = random.Random(7)
    with Client(database.app_url) as client, closing(database.as_admin()) as admin:
        limited.app.connect(client)
        client.limits.set(LimitScope.QUEUE, "default", max_slots=MOST)
        limited.app.enqueue_many([limited.held.new() for _ in range(AHEAD)])
        argv = [sys.executable, str(Path(limited.__file__)), database.app_url, str(tmp_path)]
        workers = [subprocess.Popen(argv) for _ in range(3)]
        try:
            for _ in range(KILLS):
                started = _started(admin)
                wait_until(lambda seen=started: _started(admin) >= seen + 5, "jobs start")  # type: ignore[misc]
                victim = chance.choice(workers)
                victim.kill()
                victim.wait()
                workers[workers.index(victim)] = subprocess.Popen(argv)
                if _waiting(admin) < AHEAD:
                    limited.app.enqueue_many([limited.held.new() for _ in range(AHEAD)])
            (busy_until,) = admin.execute("select clock_timestamp()").fetchone() or (None,)
            wait_until(lambda: _unended(admin) == 0, "all end", 300.0)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        most, longest, moves = admin.execute(OVERLAP.encode(), {"most": MOST, "busy_until": busy_until}).fetchone() or (
            0,
            0,
            0,
        )
        assert (most, moves > 2 * AHEAD) == (MOST, True)
        assert longest is None or longest <= 2 * limited.LEASE_SECONDS + 5.0
        sys.stdout.write(
            f"{KILLS} kills, {moves} moves; at most {most} at once, fewer for {longest} s at the longest\n"
        )


def _started(admin: Connection) -> int:
    return _number(admin, "select count(*) from jobtrail.events where type = 'job.started'")


def _waiting(admin: Connection) -> int:
    return _number(admin, "select count(*) from jobtrail.ready")


def _unended(admin: Connection) -> int:
    return _number(admin, "select count(*) from jobtrail.jobs where status in ('QUEUED', 'RUNNING')")


def _number(admin: Connection, query: str) -> int:
    (found,) = admin.execute(query.encode()).fetchone() or (0,)
    return int(found)
