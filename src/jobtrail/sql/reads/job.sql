-- One job.
select id, workspace_id, project_id, task_id, parent_id, rerun_of, type, queue, status::text, wait_reason::text, stage, priority, title,
  tags, input, version, generation, progress, attempt_id, attempt_count, failure_count, loss_count, max_attempts,
  backoff_type::text, backoff_delay_ms, backoff_max_ms, timeout_seconds, idle_timeout_seconds, queue_timeout_seconds,
  scheduled_at, cancel_at, cancel_requested_at, cancel_reason, estimated_seconds, actual_seconds, error_code,
  error_message, unique_key, concurrency_key, created_by, created_at, queued_at, started_at, completed_at, updated_at,
  root_id, schedule_id, fork_of, slots, concurrency_limit, unique_scope::text, unique_until, on_parent::text,
  depends_mode::text, on_dependency::text, budgeted, reserve_usd, reserve_tokens
from jobtrail.jobs where workspace_id = $1 and id = $2
