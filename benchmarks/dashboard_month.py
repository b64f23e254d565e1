"""What `lists.fill` leaves out of a month of history and a dashboard shows: workers, health of queues, usage, files, logs, gates,
and a job with very many steps. As a superuser whom no trigger holds."""

# ruff: noqa: E501  (SQL is written as it is)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg
from lists import OURS
from psycopg.conninfo import conninfo_to_dict

from jobtrail.store import embedded

BROAD: Final = UUID("00000000-0000-7000-8000-00000000b40d")
"""A job of 2 000 steps, all over."""

MORE: Final = """
insert into jobtrail.workers (id, name, host, host_id, process_id, process_started, lock_key, lease_seconds, slots, version,
  queues, types, lease_until)
select gen_random_uuid(), 'w-' || n, 'host-' || n %% 7, 'boot', 4000 + n, 0, 0, 3600, 8, '4f2a',
  array['queue-' || n %% 8, 'bench'], array['type-' || n %% 40, 'noop'], now() + interval '1 day'
from generate_series(1, 60) n;
update jobtrail.attempts set worker_id = (select id from jobtrail.workers limit 1) where status = 'RUNNING';
insert into jobtrail.queues (workspace_id, name, paused_at, paused_by, paused_reason)
select %(ours)s, 'queue-' || n, case when n = 7 then now() end, case when n = 7 then 'ana' end, case when n = 7 then 'why not' end
from generate_series(0, 7) n on conflict do nothing;
insert into jobtrail.queue_stats (workspace_id, queue, at, depth, oldest_age_seconds, jobs_in, jobs_out, failures, wait_p50_ms, wait_p95_ms)
select %(ours)s, 'queue-' || q, date_trunc('minute', now()) - m * interval '1 minute', (m * 7 + q) %% 300, m %% 60, 20 + m %% 9, 20 + m %% 8,
  m %% 3, 40 + m %% 100, 400 + m %% 900
from generate_series(0, 7) q, generate_series(1, 14 * 1440) m;
insert into jobtrail.usage (workspace_id, job_id, attempt_id, number, provider, model, input_tokens, output_tokens, cost_usd, price_source, at,
  project_id, task_id)
select workspace_id, id, attempt_id, 1, 'a provider', 'model-' || substr(id::text, 36)::text, 1000, 200,
  case when substr(id::text, 36) < 'c' then 0.02 end, 'table', coalesce(completed_at, created_at), project_id, task_id
from jobtrail.jobs where started_at is not null and workspace_id = %(ours)s and type in ('type-3', 'type-5', 'type-7', 'type-9', 'type-11');
insert into jobtrail.assets (workspace_id, id, job_id, attempt_id, name, media_type, byte_size, sha256, storage_key, created_at)
select workspace_id, id, id, attempt_id, 'frames-' || substr(id::text, 33) || '.zip', 'application/zip', 4096, encode(sha256(uuid_send(id)), 'hex'),
  'none', created_at
from jobtrail.jobs where workspace_id = %(ours)s and type in ('type-2', 'type-4', 'type-6', 'type-8');
insert into jobtrail.log_chunks (workspace_id, job_id, attempt_id, first_line, lines, at, levels, body)
select j.workspace_id, j.id, j.attempt_id, 1 + n * 100, 100, j.created_at, array['INFO'], body
from (select * from jobtrail.jobs where workspace_id = %(ours)s order by id desc limit 2000) j, generate_series(0, 4) n, lateral (
  select string_agg('{"level":"INFO","source":"STDOUT","message":"frame= ' || n * 100 + l || ' fps= 61 q=28.0","at":"2026-01-01T00:00:00Z"}',
    E'\\n' order by l) body from generate_series(1, 100) l) lines;
insert into jobtrail.gates (workspace_id, job_id, step_id, id, question)
select s.workspace_id, s.job_id, s.id, gen_random_uuid(), 'May job ' || row_number() over () || ' go on?'
from (select * from jobtrail.steps where workspace_id = %(ours)s limit 200) s;
"""

BROAD_JOB: Final = """
insert into jobtrail.jobs (workspace_id, id, type, queue, status, priority, title, input, progress, attempt_id, attempt_count, version,
  created_at, updated_at, queued_at, started_at, completed_at, actual_seconds, event, trail_hash)
values (%(ours)s, %(id)s, 'type-1', 'queue-1', %(status)s, 5, %(title)s, '{"pages": 2000}', 0, %(id)s, 1, 3 + %(steps)s, now() - interval '2 hours', now(),
  now() - interval '2 hours', now() - interval '2 hours', case when %(status)s = 'COMPLETED' then now() end,
  case when %(status)s = 'COMPLETED' then 7200 end, 'job.started', sha256('x'));
insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, status, started_at, ended_at)
select %(ours)s, %(id)s, %(id)s, w.id, 1, %(attempt)s, now() - interval '2 hours', case when %(status)s = 'COMPLETED' then now() end
from (select id from jobtrail.workers limit 1) w;
insert into jobtrail.steps (workspace_id, job_id, id, attempt_id, ordinal, key, name, phase, status, started_at, completed_at, duration_ms)
select %(ours)s, %(id)s, gen_random_uuid(), %(id)s, n, 'step ' || n, case when %(alike)s then 'page' else 'part ' || n end,
  (array['SETUP', 'EXECUTION', 'VALIDATION', 'CLEANUP'])[1 + n * 4 / (%(steps)s + 1)]::jobtrail.phase,
  case when n %% 97 = 0 then 'FAILED' else 'COMPLETED' end::jobtrail.step_status, now() - interval '2 hours' + n * interval '3 seconds',
  now() - interval '2 hours' + (n + 1) * interval '3 seconds', 3000
from generate_series(1, %(steps)s) n;
insert into jobtrail.events (workspace_id, job_id, attempt_id, txid, at, seq, status, actor_type, type, payload, hash, step_id)
select %(ours)s, %(id)s, %(id)s, 1003, coalesce(s.completed_at, now()), 3 + s.ordinal, 'RUNNING', 'worker', 'step.completed',
  jsonb_build_object('key', s.key, 'name', s.name), sha256(int4send(s.ordinal)), s.id
from jobtrail.steps s where s.workspace_id = %(ours)s and s.job_id = %(id)s;
"""


def add(admin: psycopg.Connection[Any]) -> None:
    """Adds all of it."""
    with psycopg.ClientCursor(admin) as cur:
        cur.execute(MORE.encode(), {"ours": OURS})
    add_job(admin, BROAD, "COMPLETED", 2_000, "two thousand steps")
    admin.execute("vacuum analyze")


def add_job(admin: psycopg.Connection[Any], id: UUID, status: str, steps: int, title: str) -> None:
    """A job that ended, or that runs on the first of the workers."""
    said = {"ours": OURS, "id": id, "status": status, "attempt": status, "steps": steps, "title": title, "alike": False}
    with psycopg.ClientCursor(admin) as cur:
        cur.execute(BROAD_JOB.encode(), said)


@contextmanager
def superuser(server: embedded.Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection that no trigger holds."""
    database = conninfo_to_dict(server.app_url)["dbname"]
    with closing(psycopg.connect(server.admin_url, dbname=database, autocommit=True)) as admin:
        admin.execute("set session_replication_role = replica")
        yield admin
