"""Fills a database of its own with jobs and tells how long the lists and the details of a job take in it.

.venv/bin/python benchmarks/lists.py [--jobs 1000000] [--queued 5000] [--rounds 200] [--only TEXT] [--home FOLDER]
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

from jobtrail.core.filter import Filter
from jobtrail.core.filter_language import parse
from jobtrail.core.status import JobStatus
from jobtrail.service import attempts, jobs, queues, steps, tasks, trail
from jobtrail.store import embedded, migrate
from jobtrail.store.db import Connection, Scope, run
from jobtrail.store.pool import Dial, connect
from jobtrail.store.query import Flow, Query

Work = Query[Any] | Flow[Any]

OURS = "00000000-0000-7000-8000-000000000001"
THEIRS = "00000000-0000-7000-8000-0000000000bb"
MINUTES_AGO = 30 * 24 * 60
"""The jobs were made over the last thirty days; every tenth is another workspace's."""

FILL = """
insert into jobtrail.workspaces (id, name) values (%(theirs)s, 'theirs') on conflict do nothing;
insert into jobtrail.projects (workspace_id, id, name)
  select %(ours)s, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'project ' || n
  from generate_series(1, 20) n;
insert into jobtrail.tasks (workspace_id, id, title)
  select %(ours)s, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'task ' || n
  from generate_series(1, 1000) n;
insert into jobtrail.jobs (workspace_id, id, type, queue, status, wait_reason, priority, title, tags, input, progress,
  attempt_id, attempt_count, version, created_at, updated_at, queued_at, started_at, completed_at, aborted_at,
  actual_seconds, scheduled_at, error_code, error_message, project_id, task_id, event, trail_hash)
select case when n %% 10 = 0 then %(theirs)s else %(ours)s end::uuid, id, 'type-' || n %% 40, 'queue-' || n %% 8, status,
  case when status = 'PENDING' then case when n %% 2 = 0 then 'RETRY' else 'SCHEDULE' end end::jobtrail.wait_reason,
  1 + n %% 10, 'job number ' || n, case when n %% 100 = 1 then array['rare', 'nightly'] else array['nightly'] end,
  jsonb_build_object('customer', n %% 10000, 'url', 'https://example.org/orders/' || n, 'depth', n %% 7),
  case when status = 'COMPLETED' then 100 else 0 end, gen_random_uuid(), 1, 3, at, at, at,
  case when status not in ('PENDING', 'QUEUED') then at end,
  case when status in ('COMPLETED', 'FAILED', 'CANCELLED') then at + interval '1 second' * (n %% 300) end,
  case when status in ('FAILED', 'CANCELLED') then at + interval '1 second' * (n %% 300) end,
  case when status in ('COMPLETED', 'FAILED', 'CANCELLED') then n %% 300 end,
  case when status = 'PENDING' then at + interval '90 days' end,
  case when status = 'FAILED' then 'error-' || n %% 50 end,
  case when status = 'FAILED' then 'the server of customer ' || n %% 10000 || ' hung up' end,
  case when n %% 3 = 0 then ('00000000-0000-7000-8000-' || lpad(to_hex(1 + n %% 20), 12, '0'))::uuid end,
  case when n %% 2 = 0 then ('00000000-0000-7000-8000-' || lpad(to_hex(1 + n %% 1000), 12, '0'))::uuid end,
  'job.completed', sha256(int8send(n))
from (
  select n, at, case when n > %(jobs)s - 200 then 'RUNNING' when n > %(jobs)s - %(queued)s then 'QUEUED'
      when n %% 50 = 7 then 'FAILED' when n %% 500 = 11 then 'CANCELLED' when n %% 1000 = 13 then 'PENDING'
      else 'COMPLETED' end::jobtrail.job_status as status,
    (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
      || substr(md5(n::text), 4, 15))::uuid as id
  from (select n, now() - (%(jobs)s - n) * interval '1 minute' * %(minutes)s / %(jobs)s as at
    from generate_series(1, %(jobs)s) n) timed
) made;
insert into jobtrail.ready (workspace_id, job_id, rank, queue, type)
  select workspace_id, id, jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at), queue, type
  from jobtrail.jobs where status = 'QUEUED';
insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, status, started_at, ended_at)
  select workspace_id, id, attempt_id, gen_random_uuid(), 1,
    case when status = 'RUNNING' then 'RUNNING' else 'COMPLETED' end::jobtrail.attempt_status, started_at, completed_at
  from jobtrail.jobs where started_at is not null;
insert into jobtrail.results (workspace_id, job_id, generation, status, output)
  select workspace_id, id, 1, 'SUCCESS', jsonb_build_object('rows', 3) from jobtrail.jobs where status = 'COMPLETED';
insert into jobtrail.events (workspace_id, job_id, attempt_id, txid, at, seq, status, actor_type, type, payload, hash)
  select workspace_id, id, attempt_id, 1000 + version, created_at, seq, 'RUNNING', 'worker', 'job.progress',
    '{"progress": 50}', sha256(int4send(seq))
  from jobtrail.jobs, generate_series(1, 4) seq;
insert into jobtrail.events (workspace_id, job_id, attempt_id, txid, at, seq, status, actor_type, type, payload, hash)
  select workspace_id, id, attempt_id, 1000 + version, created_at, seq, 'RUNNING', 'worker', 'job.progress',
    '{"progress": 50}', sha256(int4send(seq))
  from (select * from jobtrail.jobs order by id desc limit 1000) long, generate_series(5, 200) seq;
insert into jobtrail.steps (workspace_id, job_id, id, attempt_id, ordinal, key, name, status, output)
  select workspace_id, id, gen_random_uuid(), attempt_id, step, 'step ' || step, 'step ' || step, 'COMPLETED', '{}'
  from jobtrail.jobs, generate_series(1, 4) step where started_at is not null;
"""
"""As a superuser whom no trigger holds: a month of history, in a minute."""


def fill(admin: psycopg.Connection[Any], jobs: int, queued: int) -> None:
    """Makes the history."""
    values = {"ours": OURS, "theirs": THEIRS, "jobs": jobs, "queued": queued, "minutes": MINUTES_AGO}
    admin.execute("set session_replication_role = replica; set synchronous_commit = off; set work_mem = '256MB'")
    with psycopg.ClientCursor(admin) as cur:
        cur.execute(FILL.encode(), values)
    admin.execute("vacuum analyze")


@dataclass
class Wishes:
    """Filters and verbs whose values change from round to round."""

    chance: random.Random
    sample: list[UUID]
    ours: UUID = UUID(OURS)

    def page(self, filter: Filter, *, deep: bool = False, limit: int = 50) -> Work:
        """A page of the newest, or of those before any job."""
        return jobs.page(self.ours, filter, before=self.chance.choice(self.sample) if deep else None, limit=limit)

    def some(self, number: int) -> UUID:
        """One of so many tasks or projects."""
        return UUID(int=int("00000000000070008000000000000000", 16) + self.chance.randint(1, number))

    def hour(self) -> Filter:
        """Any hour of the month."""
        start = datetime.now(UTC) - timedelta(minutes=self.chance.randint(120, MINUTES_AGO))
        return Filter(created_after=start, created_before=start + timedelta(hours=1))

    def type(self) -> str:
        """Any type."""
        return f"type-{self.chance.randrange(40)}"

    def customer(self) -> int:
        """Any customer: each has one job in ten thousand."""
        return self.chance.randrange(10_000)

    def search(self, text: str) -> Work:
        """What the language says."""
        return self.page(parse(text).filter(datetime.now(UTC)))


def indexed(w: Wishes) -> dict[str, Callable[[], Work]]:
    """What an index knows, or most jobs are."""
    return {
        "newest 50": lambda: w.page(Filter()),
        "50 at any depth": lambda: w.page(Filter(), deep=True),
        "newest 1 000": lambda: w.page(Filter(), limit=1_000),
        "one hour": lambda: w.page(w.hour()),
        "one type": lambda: w.page(Filter(types=(w.type(),)), deep=True),
        "three types": lambda: w.page(Filter(types=(w.type(), w.type(), w.type())), deep=True),
        "one task": lambda: w.page(Filter(task_id=w.some(1_000))),
        "one project": lambda: w.page(Filter(project_id=w.some(20)), deep=True),
        "one queue": lambda: w.page(Filter(queues=(f"queue-{w.chance.randrange(8)}",)), deep=True),
        "a rare tag (1 in 100)": lambda: w.page(Filter(tags=("rare",)), deep=True),
        **{f"status {status}": partial(w.page, Filter(statuses=(status,))) for status in JobStatus},
        "status FAILED at any depth": lambda: w.page(Filter(statuses=(JobStatus.FAILED,)), deep=True),
        "PENDING, QUEUED and RUNNING": lambda: w.search("status:pending,queued,running"),
        "FAILED of one type": lambda: w.search(f"status:failed type:{w.type()}"),
        "id by its beginning": lambda: w.page(Filter(id_prefix=w.chance.choice(w.sample).hex[:12])),
        "counts by status, capped": lambda: jobs.counts(w.ours),
        "queues": lambda: queues.depths(w.ours),
        "tasks": lambda: tasks.listed(w.ours),
    }


def searched(w: Wishes) -> dict[str, Callable[[], Work]]:
    """What is looked for among a bounded number of jobs."""
    return {
        "an error code": lambda: w.search(f"status:failed error:error-{w.chance.randrange(50)}"),
        "input, 1 in 10 000": lambda: w.search(f"input.customer:{w.customer()}"),
        "text, met by 1 in 10 000": lambda: w.search(f'"customer {w.customer()} hung"'),
        "input, met by none of 100 000": lambda: w.search("input.customer:nobody"),
        "queue, met by none of 100 000": lambda: w.search("queue:nowhere"),
        "text, met by none of 100 000": lambda: w.search('"never said"'),
        "find by eight last digits": lambda: jobs.find(w.ours, w.chance.choice(w.sample).hex[-8:]),
        "find by its beginning": lambda: jobs.find(w.ours, w.chance.choice(w.sample).hex[:16]),
    }


def detail(id: UUID) -> list[Work]:
    """What the page of a job reads."""
    ours = UUID(OURS)
    return [
        jobs.get(ours, id),
        steps.listed(ours, id),
        attempts.listed(ours, id),
        trail.events(ours, id, after=0, limit=50),
        jobs.result(ours, id),
    ]


def measure(name: str, once: Callable[[], object], rounds: int) -> None:
    """Does it some times and prints the middle and the worst but one in a hundred, in milliseconds."""
    for _ in range(12):  # until the driver prepared it and the server settled on a plan
        once()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        once()
        times.append((time.perf_counter() - began) * 1_000)
    times.sort()
    print(f"{name:34} p50 {times[len(times) // 2]:8.2f}   p99 {times[int(len(times) * 0.99) - 1]:8.2f} ms", flush=True)


def measure_all(conn: Connection, rounds: int, only: str) -> None:
    """All forms, as the application's role in one workspace."""
    chance = random.Random(7)
    scope = Scope(OURS, standing=True)
    wanted = "select id from jobtrail.jobs tablesample system (0.5) order by random() limit 2000"
    sample = [row[0] for row in conn.execute(wanted.encode()).fetchall()]
    newest = [job.id for job in run(conn, jobs.listed(UUID(OURS), Filter(), limit=800), scope)]
    wishes = Wishes(chance, sample)
    for name, make in (indexed(wishes) | searched(wishes)).items():
        if only in name:
            quick = rounds if "none of" not in name else max(rounds // 10, 20)
            measure(name, partial(_once, conn, make, scope), quick)
    if only in "detail of a job":
        for name, ids in (("detail of a job", sample), ("detail with 200 events", newest)):
            measure(name, partial(_whole, conn, chance, ids, scope), rounds)


def _once(conn: Connection, make: Callable[[], Work], scope: Scope) -> None:
    run(conn, make(), scope)


def _whole(conn: Connection, chance: random.Random, ids: list[UUID], scope: Scope) -> None:
    for work in detail(chance.choice(ids)):
        run(conn, work, scope)


def main() -> None:
    """Fills, measures, and leaves nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--queued", type=int, default=5_000, help="how many of them wait in queues")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--only", default="", help="forms whose name contains this")
    parser.add_argument("--home", type=Path, help="where to make the database: about 4 GB a million jobs")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jobtrail-lists-", dir=asked.home) as name:
        os.chmod(name, 0o755)  # noqa: S103  (the server's account passes; what is in it is 0700)
        settings = {"shared_buffers": "1GB", "max_wal_size": "8GB", "fsync": "off"}
        with embedded.running(Path(name) / "home", settings=settings) as server:
            with closing(connect(Dial(url=server.owner_url))) as owner:
                migrate.up(owner)
            database = conninfo_to_dict(server.app_url)["dbname"]
            began = time.perf_counter()
            with closing(psycopg.connect(server.admin_url, dbname=database, autocommit=True)) as admin:
                fill(admin, asked.jobs, asked.queued)
            print(f"{asked.jobs:,} jobs in {time.perf_counter() - began:.0f} s", flush=True)
            with closing(connect(Dial(url=server.app_url, workspace=OURS))) as conn:
                measure_all(conn, asked.rounds, asked.only)


if __name__ == "__main__":
    main()
