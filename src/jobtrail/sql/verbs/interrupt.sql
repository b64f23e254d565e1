-- Gives attempts back because their worker stops: the jobs are QUEUED again at once, and no try is used up. A job that
-- is to be cancelled does not run again: it is CANCELLED.
with finished as (
  update jobtrail.jobs j set actor_type = 'worker', actor_id = $4, step_id = null,
    status = case when j.cancel_requested_at is null then 'QUEUED' else 'CANCELLED' end::jobtrail.job_status,
    event = case when j.cancel_requested_at is null then 'job.interrupted' else 'job.cancelled' end
  where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[]) and j.attempt_id = any ($3::uuid[])
    and j.status = 'RUNNING'
  returning j.workspace_id, j.id, j.updated_at
), closed as (
  update jobtrail.attempts a set status = 'INTERRUPTED', ended_at = jobtrail.clock(), error_code = 'interrupted'
  from finished f where a.workspace_id = any ($1::uuid[]) and a.job_id = any (array(select id from finished))
    and a.workspace_id = f.workspace_id and a.job_id = f.id and a.ended_at is null
), stopped as (
  update jobtrail.steps s set status = 'FAILED', completed_at = jobtrail.clock(), error_message = 'interrupted'
  from finished f where s.workspace_id = any ($1::uuid[]) and s.job_id = any (array(select id from finished))
    and s.workspace_id = f.workspace_id and s.job_id = f.id and s.status = 'RUNNING'
)
select count(*) from finished
