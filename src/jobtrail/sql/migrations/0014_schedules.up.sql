-- Schedules: what makes jobs at times, and every tick of theirs, with the job that it made or why it made none.

create type jobtrail.overlap_policy as enum ('SKIP', 'QUEUE', 'REPLACE', 'ALLOW');
create type jobtrail.catch_up_policy as enum ('SKIP', 'LAST', 'ALL');
create type jobtrail.tick_outcome as enum ('JOB', 'OVERLAP', 'MISSED', 'REFUSED');

create table jobtrail.schedules (
  workspace_id uuid not null references jobtrail.workspaces (id),
  id uuid not null,
  name text not null check (octet_length(name) between 1 and 255),
  type text not null check (octet_length(type) between 1 and 255),
  expression text not null check (octet_length(expression) between 1 and 1024),
  zone text not null check (octet_length(zone) between 1 and 64),
  input jsonb not null,
  title text check (octet_length(title) between 1 and 4096),
  options jsonb not null default '{}',          -- how its jobs are to run, where that is not as by default
  overlap jobtrail.overlap_policy not null default 'SKIP',
  catch_up jobtrail.catch_up_policy not null default 'LAST',
  catch_up_most integer not null default 100 check (catch_up_most between 1 and 1000),
  jitter_seconds real not null default 0 check (jitter_seconds between 0 and 86400),
  starts_at timestamptz,                        -- no tick before it; intervals count from it
  ends_at timestamptz,                          -- no tick after it
  anchor_at timestamptz not null,
  next_at timestamptz,                          -- the next tick; none: it is never due again
  due_at timestamptz,                           -- the same with its jitter; none while it is paused
  last_tick_at timestamptz,
  paused_at timestamptz,
  paused_by text,                               -- the actor; `system:scheduler`: because it could make no job
  paused_reason text check (octet_length(paused_reason) <= 4096),
  declared_by text,                             -- the app in whose code it stands
  declaration bytea,                            -- digest of what the code said last: what people changed stays till then
  undeclared_at timestamptz,                    -- since when the code no longer has it
  created_by text not null,
  created_at timestamptz not null default jobtrail.clock(),
  updated_at timestamptz not null default jobtrail.clock(),
  version integer not null default 1,
  primary key (workspace_id, id),
  unique (workspace_id, name),
  check (paused_at is null or due_at is null)
) with (fillfactor = 80);
create index schedules_due on jobtrail.schedules (due_at) where due_at is not null;

-- One row a tick, or one for a stretch of ticks that made no job (`ticks`, null: nobody counted them all). Its key is what
-- keeps a tick from making two jobs, whoever dies and whoever takes over.
create table jobtrail.schedule_ticks (
  workspace_id uuid not null,
  schedule_id uuid not null,
  at timestamptz not null,                      -- the time that it stands for, without jitter
  last_at timestamptz not null,
  ticks integer,
  outcome jobtrail.tick_outcome not null,
  job_id uuid,                                  -- outlives the job, which retention may remove
  reason text check (octet_length(reason) <= 4096),
  manual boolean not null default false,        -- made by hand: run now, backfill
  made_by text not null,
  made_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, schedule_id, at),
  foreign key (workspace_id, schedule_id) references jobtrail.schedules (workspace_id, id) on delete cascade,
  check ((outcome = 'JOB') = (job_id is not null))
);
create index schedule_ticks_by_age on jobtrail.schedule_ticks (made_at);
-- Who made or changed a schedule answers for its jobs, also when it is gone.
create index administration_of_schedules on jobtrail.administration_events (workspace_id, subject_id)
  where subject_type = 'schedule';

do $$
declare
  name text;
begin
  foreach name in array array['schedules', 'schedule_ticks'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
end
$$;
