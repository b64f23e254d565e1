-- Operating: what a worker is told to do (to leave queues alone, to drain), and what people said of an error: that they
-- know of it, or that it is mended.

alter table jobtrail.workers
  add column left_queues text[] not null default '{}',       -- it takes nothing of these until it is told otherwise
  add column drain_asked_at timestamptz,                     -- since when it is to take nothing at all
  add column drain_asked_by text,
  add column drain_reason text,
  add column drain_stops boolean not null default false;     -- and is to stop when what it runs has ended

create table jobtrail.error_marks (
  workspace_id uuid not null references jobtrail.workspaces (id),
  fingerprint text not null check (octet_length(fingerprint) between 1 and 64),
  status text not null check (status in ('MUTED', 'RESOLVED')),  -- resolved until it is seen again
  note text check (octet_length(note) <= 4096),
  marked_by text not null,
  marked_at timestamptz not null default jobtrail.clock(),
  primary key (workspace_id, fingerprint)
);
alter table jobtrail.error_marks enable row level security;
alter table jobtrail.error_marks force row level security;
create policy own_workspace on jobtrail.error_marks
  using (workspace_id = (select jobtrail.current_workspace()) or (select jobtrail.serves_all()))
  with check (workspace_id = (select jobtrail.current_workspace()) or (select jobtrail.serves_all()));

-- A fork begins with steps that completed in the job that it is a fork of: before its first attempt, and no other job does.
create index jobs_by_fork on jobtrail.jobs (workspace_id, fork_of, id) where fork_of is not null;
create function jobtrail.refuse_new_step() returns trigger language plpgsql as $$
begin
  if new.status = 'COMPLETED' and new.attempt_id is null and exists (select from jobtrail.jobs j
      where j.workspace_id = new.workspace_id and j.id = new.job_id and j.fork_of is not null and j.attempt_count = 0) then
    return new;
  end if;
  raise exception using errcode = 'JT001', message = format('step %s may not become %s', new.id, new.status),
    hint = 'It was nothing.';
end
$$;
drop trigger guard_new on jobtrail.steps;
create trigger guard_new before insert on jobtrail.steps for each row
  when (not jobtrail.step_may_move(null, new.status)) execute function jobtrail.refuse_new_step();
