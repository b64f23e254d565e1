-- Starts a job that waits for a time without waiting any longer.
with changed as (
  update jobtrail.jobs j set status = 'QUEUED', event = 'job.queued', wait_reason = null, scheduled_at = null,
    step_id = null, actor_type = $3::text::jobtrail.actor_type, actor_id = $4
  where j.workspace_id = $1 and j.id = $2 and j.status = 'PENDING' and j.wait_reason in ('SCHEDULE', 'RETRY')
  returning j.*
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = c.workspace_id and t.job_id = c.id and t.type = 'START'
)
select status::text, version from changed
