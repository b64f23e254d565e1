-- A new generation of a job that FAILED or was CANCELLED: same job, same input, finished steps kept.
update jobtrail.jobs j set status = 'QUEUED', event = 'job.retried', generation = j.generation + 1, failure_count = 0,
  loss_count = 0, wait_reason = null, scheduled_at = null, cancel_requested_at = null, cancel_reason = null,
  cancel_at = null, error_code = null, error_message = null, progress = 0,
  step_id = null, actor_type = $3::text::jobtrail.actor_type, actor_id = $4
where j.workspace_id = $1 and j.id = $2 and j.status in ('FAILED', 'CANCELLED')
returning j.status::text, j.version
