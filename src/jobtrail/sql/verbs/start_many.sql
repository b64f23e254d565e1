-- Starts many jobs like `start_now`, for the bulk operation $5; answers each one's status before it, and what was done.
with held as materialized (
  select id, status, wait_reason from jobtrail.jobs where workspace_id = $1 and id = any ($2::uuid[])
  order by id for update
), changed as (
  update jobtrail.jobs j set scheduled_at = null,
    status = case when j.checked and j.attempt_count = 0 then 'PENDING' else 'QUEUED' end::jobtrail.job_status,
    event = case when j.checked and j.attempt_count = 0 then 'job.updated' else 'job.queued' end,
    wait_reason = case when j.checked and j.attempt_count = 0 then 'VALIDATION' end::jobtrail.wait_reason,
    step_id = null, actor_type = $3::text::jobtrail.actor_type, actor_id = $4, note = jsonb_build_object('bulk', $5::uuid)
  from held h
  where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.id = h.id and h.status = 'PENDING'
    and h.wait_reason in ('SCHEDULE', 'RETRY', 'QUOTA', 'BUDGET')
  returning j.id, j.queue
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = $1 and t.job_id = any ($2::uuid[]) and t.job_id = c.id and t.type = 'START'
)
select h.id, h.status::text, c.id is not null as done, c.queue from held h left join changed c on c.id = h.id
