-- Budgets: what the attempts of a scope may use together, in money, tokens and time. What they used is derived from what
-- they booked; what they reserved counts for as long as they are open, so that a reservation cannot outlive its attempt.

create type jobtrail.budget_scope as enum
  ('ATTEMPT', 'TREE', 'SCHEDULE', 'TASK', 'PROJECT', 'TYPE', 'QUEUE', 'WORKSPACE');
create type jobtrail.budget_period as enum ('TOTAL', 'MONTH', 'DAY');
create type jobtrail.budget_policy as enum ('GATE', 'STOP');

-- When the period that runs now began, by the calendar of UTC.
create function jobtrail.period_start(period jobtrail.budget_period) returns timestamptz language sql volatile as $$
  select case period when 'TOTAL' then '-infinity'::timestamptz
    else date_trunc(case period when 'DAY' then 'day' else 'month' end, jobtrail.clock(), 'UTC') end
$$;
create function jobtrail.period_end(period jobtrail.budget_period) returns timestamptz language sql volatile as $$
  select case period when 'DAY' then (date_trunc('day', jobtrail.clock() at time zone 'UTC') + interval '1 day') at time zone 'UTC'
    when 'MONTH' then (date_trunc('month', jobtrail.clock() at time zone 'UTC') + interval '1 month') at time zone 'UTC' end
$$;

create table jobtrail.budgets (
  workspace_id uuid not null references jobtrail.workspaces (id),
  id uuid not null,
  job_id uuid,                                  -- of ATTEMPT and TREE, whose budgets go with their job
  limit_tokens bigint check (limit_tokens > 0),
  limit_seconds double precision check (limit_seconds > 0 and limit_seconds < 'infinity'),
  settled_tokens bigint not null default 0,     -- what attempts that have ended used in the period of `period_at`,
  settled_seconds double precision not null default 0,  -- as far as their holds are gone
  period_at timestamptz not null default '-infinity',
  created_at timestamptz not null default jobtrail.clock(),
  updated_at timestamptz not null default jobtrail.clock(),
  warned_at timestamptz,                        -- these three speak of the period of `period_at`
  exceeded_at timestamptz,
  refused_at timestamptz,                       -- people were asked for more, and said no
  gate_id uuid,                                 -- where they are asked
  scope jobtrail.budget_scope not null,
  period jobtrail.budget_period not null default 'TOTAL',
  on_exceeded jobtrail.budget_policy not null default 'GATE',
  wide boolean not null default true,           -- jobs do not say by themselves (`budgeted`) that it holds them
  warn_at real not null default 0.8 check (warn_at > 0 and warn_at <= 1),
  subject text not null default '' check (octet_length(subject) <= 255),  -- of WORKSPACE: empty
  created_by text,
  limit_usd numeric(18, 10) check (limit_usd > 0),
  settled_usd numeric not null default 0,
  primary key (workspace_id, id),
  unique (workspace_id, scope, subject, period),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade,
  check (num_nonnulls(limit_usd, limit_tokens, limit_seconds) > 0),
  check ((scope = 'WORKSPACE') = (subject = '')),
  check ((job_id is not null) = (scope in ('ATTEMPT', 'TREE'))),
  check (job_id is null or (subject = job_id::text and period = 'TOTAL'))
) with (fillfactor = 70);
create index budgets_wide on jobtrail.budgets (workspace_id) where wide;
create index budgets_by_job on jobtrail.budgets (workspace_id, job_id) where job_id is not null;
create index budgets_stopping on jobtrail.budgets (workspace_id, id) where on_exceeded = 'STOP' and exceeded_at is not null;

-- What an attempt reserved of a budget. It counts while the attempt is open; then what was used is settled and the row goes.
create table jobtrail.budget_holds (
  workspace_id uuid not null,
  budget_id uuid not null,
  attempt_id uuid not null,
  job_id uuid not null,
  tokens bigint not null default 0 check (tokens >= 0),
  usd numeric not null default 0 check (usd >= 0),
  primary key (workspace_id, budget_id, attempt_id),
  foreign key (workspace_id, budget_id) references jobtrail.budgets (workspace_id, id) on delete cascade,
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index budget_holds_by_job on jobtrail.budget_holds (workspace_id, job_id);

-- A job that is PENDING for BUDGET, which budget it waits for, and how much it needs. It says nothing once the job moves.
create table jobtrail.budget_waits (
  workspace_id uuid not null,
  job_id uuid not null,
  budget_id uuid not null,
  attempt_id uuid not null,                     -- the one that met it: a job with a later one waits no more
  tokens bigint not null default 0,
  usd numeric not null default 0,
  primary key (workspace_id, job_id),           -- no foreign key to the budget: who waits for one that went goes on
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);
create index budget_waits_by_budget on jobtrail.budget_waits (workspace_id, budget_id, job_id);

do $$
declare
  name text;
begin
  foreach name in array array['budgets', 'budget_holds', 'budget_waits'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
end
$$;
