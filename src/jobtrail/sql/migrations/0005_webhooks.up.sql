-- Webhooks: who is told of which events, every telling with how it went, and how far the trail was looked through.

create type jobtrail.delivery_status as enum ('PENDING', 'DELIVERED', 'FAILED');

create table jobtrail.webhooks (
  workspace_id uuid not null references jobtrail.workspaces (id),
  id uuid not null,
  url text not null check (octet_length(url) between 1 and 2048),
  events text[] not null check (cardinality(events) between 1 and 100),   -- `job.completed`, `job.*`, `*`
  types text[] not null default '{}' check (cardinality(types) <= 100),   -- of jobs, alike; none: all
  queues text[] not null default '{}' check (cardinality(queues) <= 100), -- by name; none: all
  description text check (octet_length(description) <= 1024),
  secret text not null,                         -- signs what is sent, so it must be readable; no verb lists it
  secret_before text,                           -- signs too, until then
  secret_before_until timestamptz,
  enabled_at timestamptz not null default jobtrail.clock(), -- it is told of what happens from then on
  disabled_at timestamptz,
  disabled_reason text,
  created_by text not null,
  created_at timestamptz not null default jobtrail.clock(),
  updated_at timestamptz not null default jobtrail.clock(),
  version integer not null default 1,
  primary key (workspace_id, id),
  check ((secret_before is null) = (secret_before_until is null))
);

-- One row an event and webhook that wants it. What is sent is made of the event at the time of sending.
create table jobtrail.webhook_deliveries (
  workspace_id uuid not null,
  id uuid not null,
  webhook_id uuid not null,
  job_id uuid not null,                         -- the event: of this job
  seq integer not null,
  event text not null,
  event_at timestamptz not null,
  status jobtrail.delivery_status not null default 'PENDING',
  delivery_job_id uuid not null,                -- the job that delivers it, the last one if it was sent anew
  tries integer not null default 0,
  http_status integer,                          -- what the last try was answered
  error text,
  body_sha256 text,
  created_at timestamptz not null default jobtrail.clock(),
  tried_at timestamptz,
  delivered_at timestamptz,
  primary key (workspace_id, id),
  foreign key (workspace_id, webhook_id) references jobtrail.webhooks (workspace_id, id) on delete cascade,
  unique (workspace_id, webhook_id, job_id, seq),
  unique (workspace_id, delivery_job_id)
) with (fillfactor = 80);
create index webhook_deliveries_newest on jobtrail.webhook_deliveries (workspace_id, webhook_id, id);
create index webhook_deliveries_by_age on jobtrail.webhook_deliveries (created_at);

-- After which event the dispatcher goes on, in the order of (txid, job_id, seq); the times are as in `sealer`.
create table jobtrail.webhook_dispatcher (
  single boolean primary key default true check (single),
  txid bigint not null default 0,
  job_id uuid not null default '00000000-0000-0000-0000-000000000000',
  seq integer not null default 0,
  safe_at timestamptz not null default '-infinity',
  seen_txid bigint not null default 0,
  seen_at timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into jobtrail.webhook_dispatcher default values;

-- Whether a word is one of these, or begins as one of those that end with a star.
create function jobtrail.is_among(word text, patterns text[]) returns boolean language sql immutable parallel safe as $$
  select word = any (patterns) or exists (
    select from unnest(patterns) p where right(p, 1) = '*' and starts_with(word, left(p, -1)))
$$;

-- Whether a webhook wants an event of a job. What happens to our own deliveries is told to nobody, or it never ended.
-- Written so that it becomes a part of the statement that asks: it is asked for every event.
create function jobtrail.wants(w jobtrail.webhooks, event text, type text, queue text) returns boolean
language sql immutable parallel safe as $$
  select type <> 'jobtrail.webhook' and array[event, split_part(event, '.', 1) || '.*', '*'] && w.events
    and (w.types = '{}' or jobtrail.is_among(type, w.types)) and (w.queues = '{}' or queue = any (w.queues))
$$;

do $$
declare
  name text;
begin
  foreach name in array array['webhooks', 'webhook_deliveries'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
  alter table jobtrail.webhook_dispatcher enable row level security;
  alter table jobtrail.webhook_dispatcher force row level security;
  create policy installation on jobtrail.webhook_dispatcher using ((select jobtrail.serves_all()))
    with check ((select jobtrail.serves_all()));
end
$$;
