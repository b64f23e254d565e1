-- A page of a workspace's jobs, newest first, before the cursor $2 (null: from the newest).
select id, workspace_id, project_id, task_id, parent_id, rerun_of, type, queue, status::text, wait_reason::text, stage, priority, title,
  tags, input, version, generation, progress, attempt_id, attempt_count, failure_count, loss_count, max_attempts,
  backoff_type::text, backoff_delay_ms, backoff_max_ms, timeout_seconds, idle_timeout_seconds, queue_timeout_seconds,
  scheduled_at, cancel_at, cancel_requested_at, cancel_reason, estimated_seconds, actual_seconds, error_code,
  error_message, unique_key, concurrency_key, created_by, created_at, queued_at, started_at, completed_at, updated_at
from jobtrail.jobs
where workspace_id = $1 and ($2::uuid is null or id < $2) and ($3::text[] is null or type = any ($3))
  and ($4::text[] is null or status = any ($4::jobtrail.job_status[]))
  and ($5::text[] is null or queue = any ($5)) and ($6::text[] is null or tags && $6)
  and ($7::uuid is null or task_id = $7)
order by id desc limit $8
