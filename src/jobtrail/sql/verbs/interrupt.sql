-- Gives attempts back because their worker stops: the jobs are QUEUED again at once, and no try is used up. A job that
-- is to be cancelled does not run again: it is CANCELLED. What a turn of an agent cost that was not over by then nobody knows,
-- which is not zero: it is booked without a price.
with finished as (
  update jobtrail.jobs j set actor_type = 'worker', actor_id = $4, step_id = null,
    status = case when j.cancel_requested_at is null then 'QUEUED' else 'CANCELLED' end::jobtrail.job_status,
    event = case when j.cancel_requested_at is null then 'job.interrupted' else 'job.cancelled' end
  where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[]) and j.attempt_id = any ($3::uuid[])
    and j.status = 'RUNNING'
  returning j.workspace_id, j.id, j.updated_at, j.project_id, j.task_id
), closed as (
  update jobtrail.attempts a set status = 'INTERRUPTED', ended_at = jobtrail.clock(), error_code = 'interrupted'
  from finished f where a.workspace_id = any ($1::uuid[]) and a.job_id = any (array(select id from finished))
    and a.workspace_id = f.workspace_id and a.job_id = f.id and a.ended_at is null
  returning a.workspace_id, a.job_id, a.id, f.project_id, f.task_id
), unheard as (  -- its first step that runs is the turn, those of its tools came after
  insert into jobtrail.usage (workspace_id, job_id, attempt_id, number, step_id, provider, model, price_source, project_id,
    task_id)
  select c.workspace_id, c.job_id, c.id, (select coalesce(max(u.number), 0) + 1 from jobtrail.usage u
      where u.workspace_id = c.workspace_id and u.job_id = c.job_id and u.attempt_id = c.id),
    s.id, 'unknown', 'unknown', 'cut off', c.project_id, c.task_id
  from closed c cross join lateral (
    select s.id from jobtrail.steps s where s.workspace_id = c.workspace_id and s.job_id = c.job_id
      and s.attempt_id = c.id and s.type = 'AI_ACTION' and s.status = 'RUNNING' order by s.ordinal limit 1) s
  where (select count(*) from jobtrail.usage u where u.workspace_id = c.workspace_id and u.job_id = c.job_id
    and u.attempt_id = c.id and u.step_id = s.id) = 0
), stopped as (
  update jobtrail.steps s set status = 'FAILED', completed_at = jobtrail.clock(), error_message = 'interrupted'
  from finished f where s.workspace_id = any ($1::uuid[]) and s.job_id = any (array(select id from finished))
    and s.workspace_id = f.workspace_id and s.job_id = f.id and s.status = 'RUNNING'
)
select count(*) from finished
