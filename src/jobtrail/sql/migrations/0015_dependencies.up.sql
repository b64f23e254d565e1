-- What a job waits for before it begins, the jobs that it started and waits for, and what is still to be made of ends.

create table jobtrail.dependencies (
  workspace_id uuid not null,
  job_id uuid not null,
  needs_id uuid not null,
  step_id uuid,                                 -- the step of the job that started the other one; null: needed from the first
  place integer not null default 0,             -- among those that the step started
  generation integer not null default 1,        -- of the job, when it began to wait for what it started
  wakes boolean not null default false,         -- of what it started: a bad end wakes the job, whatever else is open
  met_as jobtrail.job_status,                   -- how the other one ended
  met_at timestamptz,
  primary key (workspace_id, job_id, needs_id),
  foreign key (workspace_id, job_id) references jobtrail.jobs (workspace_id, id) on delete cascade
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
create index dependencies_by_need on jobtrail.dependencies (workspace_id, needs_id, job_id);
create index dependencies_open on jobtrail.dependencies (workspace_id, job_id) where met_at is null;
create index dependencies_bad on jobtrail.dependencies (workspace_id, job_id) where met_as in ('FAILED', 'CANCELLED');

-- Jobs that others may have waited for. The trigger on `jobs` writes a row in the transaction of the end, and whoever acts
-- on it deletes it in the transaction of the act: so nothing is forgotten. A row too many does no harm, for who takes it
-- looks at the job itself. Nothing is unique here, so that no end waits for another one.
create table jobtrail.settlements (
  workspace_id uuid not null,
  job_id uuid not null
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

do $$
declare
  name text;
begin
  foreach name in array array['dependencies', 'settlements'] loop
    execute format('alter table jobtrail.%I enable row level security', name);
    execute format('alter table jobtrail.%I force row level security', name);
    execute format('create policy own_workspace on jobtrail.%I using (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all())) with check (workspace_id = (select '
      'jobtrail.current_workspace()) or (select jobtrail.serves_all()))', name);
  end loop;
end
$$;
