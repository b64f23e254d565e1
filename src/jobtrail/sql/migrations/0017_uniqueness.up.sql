-- Which job took the place of which, and the breakers of types: they let a type's jobs wait while what they need is down.

create table jobtrail.supersedings (
  workspace_id uuid not null,
  job_id uuid not null,
  heir_id uuid not null,                        -- has its unique key now
  at timestamptz not null default jobtrail.clock(),
  since timestamptz not null,                   -- when the first job of the chain was accepted: no debounce waits longer
  primary key (workspace_id, job_id),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);
create index supersedings_by_heir on jobtrail.supersedings (workspace_id, heir_id);

create type jobtrail.breaker_mode as enum ('AUTO', 'OPEN', 'CLOSED');
create type jobtrail.breaker_state as enum ('CLOSED', 'OPEN', 'HALF_OPEN');

-- When the jobs of a type stop being started because what they need is down. It holds them by a limit of its own, so they
-- stay QUEUED and use up no attempt. Only types that have a row here are watched.
create table jobtrail.breakers (
  workspace_id uuid not null references jobtrail.workspaces (id),
  type text not null check (octet_length(type) between 1 and 255),
  limit_id uuid not null,                       -- of its row in `limits` while it is not CLOSED
  mode jobtrail.breaker_mode not null default 'AUTO',  -- people may hold it open or closed
  state jobtrail.breaker_state not null default 'CLOSED',
  state_at timestamptz not null default jobtrail.clock(),
  min_failures integer not null default 10 check (min_failures between 1 and 1000000),
  failure_ratio real not null default 0.5 check (failure_ratio > 0 and failure_ratio <= 1),
  window_seconds integer not null default 60 check (window_seconds between 10 and 3600),
  open_seconds integer not null default 30 check (open_seconds between 1 and 86400),
  probes integer not null default 1 check (probes between 1 and 1000),
  reason text,
  set_by text not null,
  set_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, type)
) with (fillfactor = 70);

-- How attempts of watched types ended, in parts of ten seconds. Counted anew whenever the breaker moves.
create table jobtrail.type_outcomes (
  workspace_id uuid not null,
  type text not null,
  at timestamptz not null,
  completed bigint not null default 0,
  failed bigint not null default 0,
  timed_out bigint not null default 0,
  primary key (workspace_id, type, at),
  foreign key (workspace_id, type) references jobtrail.breakers (workspace_id, type) on delete cascade
) with (fillfactor = 70);

do $$
declare
  name text;
begin
  foreach name in array array['supersedings', 'breakers', 'type_outcomes'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
end
$$;
