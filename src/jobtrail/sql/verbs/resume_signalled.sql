-- Lets a job that has just begun to wait for a signal go on at once, because the signal was there before.
with changed as (
  update jobtrail.jobs j set status = 'QUEUED', event = 'job.resumed', wait_reason = null, scheduled_at = null,
    step_id = null, note = jsonb_build_object('signal', s.name), actor_type = s.actor_type, actor_id = s.actor_id
  from jobtrail.signals s
  where j.workspace_id = $1 and j.id = $2 and j.status = 'PENDING' and j.wait_reason = 'SIGNAL'
    and s.workspace_id = $1 and s.job_id = $2 and s.name = $3
  returning j.*
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = c.workspace_id and t.job_id = c.id and t.type = 'START'
)
select status::text, scheduled_at, version from changed
