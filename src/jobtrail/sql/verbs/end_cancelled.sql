-- Ends an attempt that was told to stop; the job is CANCELLED.
with finished as (
  update jobtrail.jobs j set status = 'CANCELLED', event = 'job.cancelled', actor_type = 'worker', actor_id = $4,
    step_id = null,
    cancel_reason = coalesce(j.cancel_reason, $5), error_code = $6, error_message = $5
  where j.workspace_id = $1 and j.id = $2 and j.attempt_id = $3 and j.status = 'RUNNING'
  returning j.*
), closed as (
  update jobtrail.attempts a set status = 'CANCELLED', ended_at = f.updated_at, error_code = $6, error_message = $5,
    exit_code = $7, cpu_seconds = $8, memory_bytes = $9, disk_bytes = $10
  from finished f where a.workspace_id = $1 and a.job_id = $2 and a.ended_at is null
), stopped as (
  update jobtrail.steps s set status = 'FAILED', completed_at = f.updated_at, error_message = 'cancelled'
  from finished f where s.workspace_id = $1 and s.job_id = $2 and s.status = 'RUNNING'
)
select status::text, scheduled_at, version from finished
