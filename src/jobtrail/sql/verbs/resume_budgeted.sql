-- Lets jobs that wait for a budget, and are held, go on; answers in which queues they are.
with changed as (
  update jobtrail.jobs j set status = 'QUEUED', event = 'job.resumed', wait_reason = null, scheduled_at = null,
    step_id = null, note = jsonb_build_object('budget_id', $3::uuid), actor_type = $4::text::jobtrail.actor_type, actor_id = $5
  where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.status = 'PENDING' and j.wait_reason = 'BUDGET'
  returning j.id, j.queue
), untimed as (
  delete from jobtrail.timers t using changed c where t.workspace_id = $1 and t.job_id = any ($2::uuid[])
    and t.job_id = c.id and t.type = 'START'
), awaited as (
  delete from jobtrail.budget_waits w where w.workspace_id = $1 and w.job_id = any ($2::uuid[])
)
select distinct queue from changed
