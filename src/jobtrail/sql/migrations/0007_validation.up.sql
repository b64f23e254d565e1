-- Jobs whose input is to be checked before they take a slot, and who checks it. The trigger on `jobs` keeps the rows: one
-- while a job waits for it or is VALIDATING. Every row is changed by who holds its job, so no two wait for each other.
create table jobtrail.validations (
  workspace_id uuid not null,
  job_id uuid not null,
  worker_id uuid,                               -- who checks it; null: nobody does
  token uuid,                                   -- the fence: of one check by one worker
  priority smallint not null,
  tries integer not null default 0,             -- checks that broke
  due_at timestamptz not null default jobtrail.clock(),
  began_at timestamptz,
  queue text not null,
  type text not null,
  primary key (workspace_id, job_id)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
create index validations_in_order on jobtrail.validations (priority desc, job_id) where worker_id is null;
create index validations_held on jobtrail.validations (worker_id) where worker_id is not null;

alter table jobtrail.validations enable row level security;
alter table jobtrail.validations force row level security;
create policy own_workspace on jobtrail.validations using (workspace_id = (select jobtrail.current_workspace())
  or (select jobtrail.serves_all())) with check (workspace_id = (select jobtrail.current_workspace())
  or (select jobtrail.serves_all()));
