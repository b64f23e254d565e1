-- Ends an attempt that neither succeeded nor failed: the job waits for a time ($7) or for something ($6). Uses no try.
with finished as (
  update jobtrail.jobs j set status = 'PENDING', event = $5, wait_reason = $6::text::jobtrail.wait_reason,
    scheduled_at = jobtrail.clock() + make_interval(secs => $7::int8 / 1000.0), note = $8::text::jsonb,
    actor_type = 'worker', actor_id = $4, step_id = null
  where j.workspace_id = $1 and j.id = $2 and j.attempt_id = $3 and j.status = 'RUNNING'
    and j.cancel_requested_at is null
  returning j.*
), closed as (
  update jobtrail.attempts a set status = 'INTERRUPTED', ended_at = f.updated_at, error_code = lower($6::text),
    error_message = coalesce($8::text::jsonb ->> 'message', $8::text::jsonb ->> 'reason'),
    cpu_seconds = $9, memory_bytes = $10, disk_bytes = $11, exit_code = $12
  from finished f where a.workspace_id = $1 and a.job_id = $2 and a.ended_at is null
)
select status::text, scheduled_at, version from finished
