-- Starts a job that waits for a time, a quota or a budget without waiting any longer. One that is to be validated is so
-- first.
with changed as (
  update jobtrail.jobs j set scheduled_at = null,
    status = case when j.checked and j.attempt_count = 0 then 'PENDING' else 'QUEUED' end::jobtrail.job_status,
    event = case when j.checked and j.attempt_count = 0 then 'job.updated' else 'job.queued' end,
    wait_reason = case when j.checked and j.attempt_count = 0 then 'VALIDATION' end::jobtrail.wait_reason,
    step_id = null, actor_type = $3::text::jobtrail.actor_type, actor_id = $4
  where j.workspace_id = $1 and j.id = $2 and j.status = 'PENDING' and j.wait_reason in ('SCHEDULE', 'RETRY', 'QUOTA', 'BUDGET')
  returning j.*
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = c.workspace_id and t.job_id = c.id and t.type = 'START'
)
select status::text, version from changed
