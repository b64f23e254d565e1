-- Signals: what somebody outside says to a job under a name, kept when it comes early; addresses at which it may be said
-- without a login; and what the clients of nexrender call jobs, under names of their own making.

create table jobtrail.signals (
  workspace_id uuid not null,
  job_id uuid not null,
  name text not null check (octet_length(name) between 1 and 255),
  payload jsonb,
  actor_type jobtrail.actor_type not null,
  actor_id text,
  at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, job_id, name),     -- the first one counts
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);

-- An address that a job gave away, so that the one who got it can signal once, until then.
create table jobtrail.callbacks (
  workspace_id uuid not null,
  job_id uuid not null,
  name text not null check (octet_length(name) between 1 and 255),
  secret bytea not null,                        -- signs the address, so it must be readable; nothing lists it
  expires_at timestamptz not null,
  primary key (workspace_id, job_id, name),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
);

create table jobtrail.nexrender_jobs (
  workspace_id uuid not null,
  job_id uuid not null,
  uid text not null check (octet_length(uid) between 1 and 200),
  request_sha256 bytea not null,                -- tells the same request, sent again, from another one
  said jsonb not null default '{}',             -- what its worker said of it beyond what the job itself knows
  removed_at timestamptz,                       -- for nexrender's clients it is gone, and its uid free again
  primary key (workspace_id, job_id),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
    deferrable initially deferred               -- the uid is taken first, for that is what two clients may race for
);
create unique index nexrender_jobs_one_per_uid on jobtrail.nexrender_jobs (workspace_id, uid) where removed_at is null;
create index nexrender_jobs_by_uid on jobtrail.nexrender_jobs (workspace_id, uid, job_id);

do $$
declare
  name text;
begin
  foreach name in array array['signals', 'callbacks', 'nexrender_jobs'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
end
$$;
