-- The first schema: workspaces, jobs and everything that hangs on a job, its trail, and the rules that bind strangers too.

create type jobtrail.job_status as enum
  ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED');
create type jobtrail.wait_reason as enum
  ('SCHEDULE', 'RETRY', 'DEPENDENCY', 'GATE', 'SIGNAL', 'CHILD', 'QUOTA', 'BUDGET', 'PAUSED', 'LIMIT',
    'VALIDATION');
create type jobtrail.attempt_status as enum
  ('INITIALIZING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT', 'INTERRUPTED', 'LOST');
create type jobtrail.step_status as enum ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'SKIPPED');
create type jobtrail.phase as enum ('SETUP', 'EXECUTION', 'VALIDATION', 'CLEANUP');
create type jobtrail.step_type as enum ('COMMAND', 'AI_ACTION', 'GATE', 'ARTIFACT');
create type jobtrail.result_status as enum ('SUCCESS', 'PARTIAL', 'FAILURE');
create type jobtrail.gate_status as enum ('WAITING', 'APPROVED', 'REJECTED', 'EXPIRED');
create type jobtrail.task_status as enum ('BACKLOG', 'READY', 'IN_PROGRESS', 'REVIEW', 'DONE', 'CANCELLED');
create type jobtrail.actor_type as enum ('user', 'api_key', 'worker', 'schedule', 'system');
create type jobtrail.unique_scope as enum ('WAITING', 'LIVE', 'COMPLETED', 'ANY');
create type jobtrail.parent_policy as enum ('CANCEL', 'KEEP');
create type jobtrail.depends_mode as enum ('ALL', 'ANY');
create type jobtrail.dependency_policy as enum ('FAIL', 'CANCEL', 'RUN');
create type jobtrail.backoff_type as enum ('FIXED', 'LINEAR', 'EXPONENTIAL');
create type jobtrail.timer_type as enum ('START', 'CANCEL', 'GATE', 'QUEUE_TIMEOUT', 'UNIQUE');

-- The database's clock: the only one that leases, timers and the trail go by. Tests replace it to stop time.
create function jobtrail.clock() returns timestamptz language sql volatile parallel safe as $$
  select clock_timestamp()
$$;

-- Which workspace this session or transaction speaks for. Unset sees nothing; '*' is a worker, which serves all.
create function jobtrail.current_workspace() returns uuid language sql stable parallel safe as $$
  select nullif(nullif(current_setting('jobtrail.workspace', true), ''), '*')::uuid
$$;
create function jobtrail.serves_all() returns boolean language sql stable parallel safe as $$
  select coalesce(current_setting('jobtrail.workspace', true) = '*', false)
$$;

-- Transaction ids as the trail counts them. A dump that is restored elsewhere meets a server whose ids are lower than
-- those of its events; then `rebase_txids` raises the base, so that they never go back.
create function jobtrail.txid_base() returns bigint language sql stable parallel safe as $$ select 0::bigint $$;
create function jobtrail.horizon() returns bigint language sql stable parallel safe as $$
  select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + jobtrail.txid_base()
$$;

create table jobtrail.workspaces (
  id uuid primary key,
  name text not null unique check (octet_length(name) between 1 and 255),
  created_at timestamptz not null default jobtrail.clock(),
  weight smallint not null default 1 check (weight between 1 and 1000),  -- its share of the workers, beside the others'
  paused_at timestamptz,                        -- since when workers take none of its jobs; what runs goes on
  paused_by text,
  paused_reason text
);

create table jobtrail.projects (
  workspace_id uuid not null references jobtrail.workspaces (id),
  id uuid not null,
  name text not null check (octet_length(name) between 1 and 255),
  created_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, id),
  unique (workspace_id, name)
);

create table jobtrail.tasks (
  workspace_id uuid not null references jobtrail.workspaces (id),
  id uuid not null,
  project_id uuid,
  title text not null check (octet_length(title) between 1 and 1024),
  description text,
  prompt text,
  config jsonb not null default '{}',
  tags text[] not null default '{}',
  status jobtrail.task_status not null default 'BACKLOG',
  priority smallint not null default 5 check (priority between 1 and 10),
  version integer not null default 1,
  created_at timestamptz not null default jobtrail.clock(),
  updated_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, id),
  foreign key (workspace_id, project_id) references jobtrail.projects (workspace_id, id)
);
create index tasks_by_project on jobtrail.tasks (workspace_id, project_id) where project_id is not null;

-- One row a job, kept until retention. No index stands on a column that a move changes, so moves stay HOT:
-- QUEUED is found through `ready`, RUNNING through open attempts, FAILED and CANCELLED through `aborted_at`, PENDING
-- through `wait_reason`, which the short way QUEUED, RUNNING, COMPLETED never touches. What a
-- column may hold is said in `what_is_wrong`: eighteen CHECK constraints would be prepared anew for each statement.
create table jobtrail.jobs (
  workspace_id uuid not null,
  id uuid not null,
  attempt_id uuid,                              -- the fence: the open attempt, or the last one
  step_id uuid,                                 -- the step that the last event speaks of
  version integer not null default 1,
  generation integer not null default 1,
  attempt_count integer not null default 0,
  failure_count integer not null default 0,
  loss_count integer not null default 0,
  max_attempts integer not null default 3,
  backoff_delay_ms integer not null default 2000,
  backoff_max_ms integer not null default 3600000,
  priority smallint not null default 5,
  slots smallint not null default 1,            -- how many of its worker's slots it takes, and of what its limits leave
  concurrency_limit smallint not null default 1,  -- how many jobs with its concurrency key may run at once
  status jobtrail.job_status not null,
  wait_reason jobtrail.wait_reason,
  backoff_type jobtrail.backoff_type not null default 'EXPONENTIAL',
  actor_type jobtrail.actor_type not null default 'system',
  unique_scope jobtrail.unique_scope not null default 'LIVE',  -- at which statuses it holds its unique key
  on_parent jobtrail.parent_policy not null default 'CANCEL',  -- what comes of it when its parent is stopped
  depends_mode jobtrail.depends_mode not null default 'ALL',
  on_dependency jobtrail.dependency_policy not null default 'FAIL',  -- what comes of it when one that it waits for fails
  checked boolean not null default false,       -- its input is to be checked before it takes a slot
  budgeted boolean not null default false,      -- an attempt of it reserves money or tokens before it begins
  progress real not null default 0,
  timeout_seconds real,
  idle_timeout_seconds real,
  queue_timeout_seconds real,
  estimated_seconds real,
  actual_seconds real,
  created_at timestamptz not null default jobtrail.clock(),
  updated_at timestamptz not null default jobtrail.clock(),
  queued_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  scheduled_at timestamptz,
  cancel_at timestamptz,
  cancel_requested_at timestamptz,
  unique_until timestamptz,                     -- until when it holds its unique key at most
  aborted_at timestamptz,                       -- set while FAILED or CANCELLED
  event text not null default 'job.created',    -- what the last change was
  type text not null,
  queue text not null default 'default',
  actor_id text,
  created_by text,
  stage text,
  title text,
  tags text[] not null default '{}',
  cancel_reason text,
  error_code text,
  error_message text,
  unique_key text,
  unique_hold text,                             -- equals unique_key for as long as it holds it
  concurrency_key text,
  traceparent text,                             -- the span in which it was accepted, as W3C Trace Context writes it
  project_id uuid,
  task_id uuid,
  parent_id uuid,
  rerun_of uuid,
  root_id uuid,                                 -- the job at the head of its tree; null: it has no parent
  schedule_id uuid,
  fork_of uuid,
  reserve_usd numeric(18, 10),
  reserve_tokens bigint,
  last_txid bigint not null default 0,          -- of its events the highest: in the order of all events seq only grows
  trail_hash bytea,                             -- the hash of the last event: the head of the job's chain
  note jsonb,                                   -- what the last event says beyond its columns
  input jsonb not null default '{}',
  primary key (workspace_id, id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.2);
create index jobs_by_type on jobtrail.jobs (workspace_id, type, id);
create index jobs_aborted on jobtrail.jobs (workspace_id, id) where aborted_at is not null;
create index jobs_aborted_by_type on jobtrail.jobs (workspace_id, type, id) where aborted_at is not null;
create index jobs_waiting on jobtrail.jobs (workspace_id, id) where wait_reason is not null;
create unique index jobs_one_per_unique_key on jobtrail.jobs (workspace_id, unique_hold) where unique_hold is not null;
create index jobs_by_project on jobtrail.jobs (workspace_id, project_id, id) where project_id is not null;
create index jobs_by_task on jobtrail.jobs (workspace_id, task_id, id) where task_id is not null;
create index jobs_by_parent on jobtrail.jobs (workspace_id, parent_id, id) where parent_id is not null;
create index jobs_by_root on jobtrail.jobs (workspace_id, root_id, id) where root_id is not null;
create index jobs_by_schedule on jobtrail.jobs (workspace_id, schedule_id, id) where schedule_id is not null;

-- The claim's own small table: a row appears when a job becomes QUEUED, the claim deletes it. A row too many does no
-- harm, for the claim looks at the job itself. So nothing is unique here, and who makes a job QUEUED never waits for a
-- claim: the claim takes the row before the job, everybody else the job before the row, and waiting would deadlock.
-- `strand` is empty for most jobs, so that they are found in their order by one index alone; those that have a concurrency
-- key, or want more than one slot, stand apart, and are looked at by who knows what else runs.
create table jobtrail.ready (
  workspace_id uuid not null,
  job_id uuid not null,
  rank bigint not null,                         -- `job_rank`: the lowest is next
  slots smallint not null default 1,
  concurrency_limit smallint not null default 1,
  queue text not null,
  type text not null,
  strand text not null default ''               -- `job_strand`
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index ready_in_order on jobtrail.ready (queue, workspace_id, strand, rank, job_id);
create index ready_apart on jobtrail.ready (queue, workspace_id, rank, job_id) where strand <> '';

-- Where a job stands in its queue: by when it came, or was due, or was retried; a level of priority is worth an hour. So
-- what waits overtakes in time, and no row is rewritten for it. It follows from the job's row for as long as it is QUEUED.
create function jobtrail.job_rank(priority smallint, generation integer, created_at timestamptz, scheduled_at timestamptz,
  queued_at timestamptz) returns bigint language sql immutable parallel safe as $$
  select (date_part('epoch', case when generation > 1 then queued_at else greatest(created_at, scheduled_at) end
    - timestamptz '1970-01-01 00:00:00+00') * 1000)::bigint - priority * 3600000
$$;
create function jobtrail.job_strand(concurrency_key text, slots smallint) returns text
  language sql immutable parallel safe as $$
  select case when concurrency_key is not null then '=' || concurrency_key when slots > 1 then '+' else '' end
$$;

-- What is to happen to a job at a time: a start that is due, a cancel, the expiry of a gate, of the wait in a queue or of
-- its unique key.
create table jobtrail.timers (
  workspace_id uuid not null,
  job_id uuid not null,
  type jobtrail.timer_type not null,
  due_at timestamptz not null,
  primary key (workspace_id, job_id, type)
);
create index timers_due on jobtrail.timers (due_at);

create table jobtrail.attempts (
  workspace_id uuid not null,
  job_id uuid not null,
  id uuid not null,
  worker_id uuid not null,
  number integer not null,
  process_id integer,
  exit_code integer,
  status jobtrail.attempt_status not null default 'RUNNING',
  progress real not null default 0,
  cpu_seconds double precision,
  memory_bytes bigint,
  disk_bytes bigint,
  started_at timestamptz not null default jobtrail.clock(),
  ended_at timestamptz,
  slots smallint not null default 1,            -- what it takes of the limits of its queue, type and key while it is open
  queue text,
  type text,
  concurrency_key text,
  session_id text,
  error_code text,
  error_message text,
  stack_trace text,
  primary key (workspace_id, job_id, number)
) with (autovacuum_vacuum_insert_scale_factor = 0.2);
create unique index attempts_one_open on jobtrail.attempts (workspace_id, job_id) where ended_at is null;

create table jobtrail.steps (
  workspace_id uuid not null,
  job_id uuid not null,
  id uuid not null,
  attempt_id uuid,
  ordinal integer not null,
  key text not null check (octet_length(key) between 1 and 300),
  name text not null check (octet_length(name) between 1 and 255),
  phase jobtrail.phase not null default 'EXECUTION',
  type jobtrail.step_type not null default 'COMMAND',
  status jobtrail.step_status not null,
  output jsonb,
  tokens_input bigint not null default 0,
  tokens_output bigint not null default 0,
  cost_usd numeric(18, 10),
  error_message text,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint,
  primary key (workspace_id, job_id, id),
  unique (workspace_id, job_id, key),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);

create table jobtrail.gates (
  workspace_id uuid not null,
  job_id uuid not null,
  step_id uuid not null,
  id uuid not null,
  question text not null,
  approvers text[] not null default '{}',
  needed integer not null default 1 check (needed between 1 and 100),
  form jsonb,
  status jobtrail.gate_status not null default 'WAITING',
  asked_at timestamptz not null default jobtrail.clock(),
  expires_at timestamptz,
  decided_at timestamptz,
  primary key (workspace_id, id),
  unique (workspace_id, step_id),
  foreign key (workspace_id, job_id, step_id) references jobtrail.steps (workspace_id, job_id, id) on delete cascade
);
create index gates_waiting on jobtrail.gates (workspace_id, asked_at) where status = 'WAITING';
create index gates_by_job on jobtrail.gates (workspace_id, job_id);

create table jobtrail.gate_decisions (
  workspace_id uuid not null,
  gate_id uuid not null,
  actor_type jobtrail.actor_type not null,
  actor_id text not null,
  approved boolean not null,
  comment text,
  form jsonb,
  at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, gate_id, actor_type, actor_id),
  foreign key (workspace_id, gate_id) references jobtrail.gates (workspace_id, id) on delete cascade
);

-- The trail. Only the triggers on `jobs` write it. Workspace-wide readers order by (txid, job_id, seq).
create table jobtrail.events (
  workspace_id uuid not null,
  job_id uuid not null,
  attempt_id uuid,
  step_id uuid,
  txid bigint not null,
  at timestamptz not null,
  seq integer not null,
  status jobtrail.job_status not null,
  actor_type jobtrail.actor_type not null,
  type text not null,
  actor_id text,
  payload text,
  hash bytea not null,
  primary key (workspace_id, job_id, seq, at)
) partition by range (at);
create index events_by_txid on jobtrail.events (txid);

create table jobtrail.log_chunks (
  workspace_id uuid not null,
  job_id uuid not null,
  attempt_id uuid not null,
  step_id uuid,
  first_line bigint not null,
  lines integer not null check (lines > 0),
  at timestamptz not null default jobtrail.clock(),
  levels text[] not null,
  correlation_ids text[] not null default '{}',
  body text not null,                           -- one JSON object a line
  primary key (workspace_id, job_id, first_line, at)
) partition by range (at);

create table jobtrail.metrics (
  workspace_id uuid not null,
  job_id uuid,
  attempt_id uuid,
  worker_id uuid,
  at timestamptz not null default jobtrail.clock(),
  value double precision not null,
  metric_type text not null,
  metric_name text not null,
  unit text,
  queue text,
  tags jsonb not null default '{}'
) partition by range (at);
create index metrics_by_job on jobtrail.metrics (job_id, at);
create index metrics_by_name on jobtrail.metrics (workspace_id, metric_type, metric_name, at);

create table jobtrail.results (
  workspace_id uuid not null,
  job_id uuid not null,
  generation integer not null,
  execution_time_ms bigint,
  tokens_used bigint,
  cost_usd numeric(18, 10),
  status jobtrail.result_status not null,
  created_at timestamptz not null default jobtrail.clock(),
  summary text,
  output jsonb,
  primary key (workspace_id, job_id, generation)
);

create table jobtrail.usage (
  workspace_id uuid not null,
  job_id uuid not null,
  attempt_id uuid not null,
  number integer not null,
  step_id uuid,
  provider text not null,
  model text not null,
  input_tokens bigint not null default 0 check (input_tokens >= 0),
  output_tokens bigint not null default 0 check (output_tokens >= 0),
  cached_tokens bigint not null default 0 check (cached_tokens >= 0),
  reasoning_tokens bigint not null default 0 check (reasoning_tokens >= 0),
  cost_usd numeric(18, 10),                      -- null: the price is unknown, which is not zero
  price_source text,
  at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, job_id, attempt_id, number),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);
create index usage_by_time on jobtrail.usage (workspace_id, at);

create table jobtrail.assets (
  workspace_id uuid not null,
  id uuid not null,
  job_id uuid,
  attempt_id uuid,
  step_id uuid,
  source_task_id uuid,
  name text not null check (octet_length(name) between 1 and 255),
  role text not null default 'output',
  media_type text not null default 'application/octet-stream',
  byte_size bigint not null check (byte_size >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  storage_key text not null,
  created_by text,                              -- `worker:…`, `api_key:…`
  created_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, id),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);
create index assets_by_job on jobtrail.assets (workspace_id, job_id, id) where job_id is not null;
create index assets_by_task on jobtrail.assets (workspace_id, source_task_id, id) where source_task_id is not null;
create index assets_by_name on jobtrail.assets (workspace_id, name, id);
create index assets_by_digest on jobtrail.assets (sha256);

create table jobtrail.queues (
  workspace_id uuid not null references jobtrail.workspaces (id),
  name text not null check (octet_length(name) between 1 and 255),
  paused_at timestamptz,
  paused_by text,
  paused_reason text,
  primary key (workspace_id, name)
);

create table jobtrail.queue_stats (
  workspace_id uuid not null,
  queue text not null,
  at timestamptz not null,
  depth bigint not null,
  oldest_age_seconds double precision not null,
  jobs_in bigint not null,
  jobs_out bigint not null,
  failures bigint not null,
  wait_p50_ms double precision,
  wait_p95_ms double precision,
  primary key (workspace_id, queue, at)
);

create table jobtrail.idempotency_keys (
  workspace_id uuid not null,
  key text not null check (octet_length(key) between 1 and 255),
  job_id uuid not null,
  request_sha256 bytea not null,
  created_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, key)
);

-- A signed Merkle root over all events of a workspace whose transaction lies in (after_txid, up_to_txid]. `parts` says
-- how many of them lie in each day's partition and under which root, for retention drops whole days.
create table jobtrail.seals (
  workspace_id uuid not null,
  number bigint not null,
  after_txid bigint not null,
  up_to_txid bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  events bigint not null check (events > 0),
  parts jsonb not null,
  root bytea not null,
  previous bytea not null,                      -- the digest of the seal before; empty for the first
  signature bytea not null,
  sealed_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, number)
);
create unique index seals_in_order on jobtrail.seals (up_to_txid, workspace_id);

-- Where the sealer stands. It only spares the sealer work: the seals alone say what is sealed.
create table jobtrail.sealer (
  single boolean primary key default true check (single),
  up_to_txid bigint not null default 0,                         -- whatever is not above is sealed
  safe_at timestamptz not null default '-infinity',             -- whatever is above was written after
  seen_txid bigint not null default 0,                          -- had not begun yet at seen_at
  seen_at timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into jobtrail.sealer default values;

-- Jobs that retention removed, so that "removed by rule" and "made to vanish" are not the same.
create table jobtrail.tombstones (
  workspace_id uuid not null,
  job_id uuid not null,
  last_seq integer not null,
  trail_hash bytea not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  removed_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, job_id)
);

-- Processes that claim attempts; a new random id at every start. One that came with a key belongs to the key's workspace
-- and serves no other; the others serve all, and every workspace sees them.
create table jobtrail.workers (
  id uuid primary key,
  workspace_id uuid references jobtrail.workspaces (id),
  name text not null,
  host text not null,
  host_id text not null,                        -- tells one boot of one machine (and one pid namespace) from another
  process_id integer not null,
  process_started double precision not null,    -- Unix seconds by the host's clock: tells two of one number apart
  lock_key bigint not null,
  lease_seconds real not null,
  slots integer not null,
  version text not null,
  queues text[] not null,
  types text[] not null,
  started_at timestamptz not null default jobtrail.clock(),
  beat_at timestamptz not null default jobtrail.clock(),
  lease_until timestamptz not null,
  draining_at timestamptz,
  stopped_at timestamptz,
  stop_reason text
) with (fillfactor = 50);
create index workers_alive on jobtrail.workers (host_id) where stopped_at is null;

create table jobtrail.upkeep_leases (
  duty text primary key,
  worker_id uuid not null,
  lease_until timestamptz not null
);

-- Row-level security, forced: the owner is bound too.
do $$
declare
  name text;
begin
  foreach name in array array['projects', 'tasks', 'jobs', 'ready', 'timers', 'attempts', 'steps', 'gates',
      'gate_decisions', 'events', 'log_chunks', 'metrics', 'results', 'usage', 'assets', 'queues', 'queue_stats',
      'idempotency_keys', 'seals', 'tombstones', 'workers'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
  -- What a job holds goes with its job; only what no job holds may be removed by itself.
  create policy no_jobs_files on jobtrail.assets as restrictive for delete using (job_id is null);
  create policy shared on jobtrail.workers for select
    using (workspace_id is null and (select jobtrail.current_workspace()) is not null);
  -- What upkeep keeps for itself names jobs and workers of all workspaces.
  foreach name in array array['sealer', 'upkeep_leases'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy installation on jobtrail.%I using ((select jobtrail.serves_all())) '
      'with check ((select jobtrail.serves_all()))', name);
  end loop;
  alter table jobtrail.workspaces enable row level security;
  alter table jobtrail.workspaces force row level security;
  create policy own_workspace on jobtrail.workspaces
    using (id = (select jobtrail.current_workspace()) or (select jobtrail.serves_all()));
end
$$;
