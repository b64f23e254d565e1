-- Ends an attempt whose code failed or ran out of time: the job is tried again in $10 ms (null: never) or FAILED.
with finished as (
  update jobtrail.jobs j set
    failure_count = j.failure_count + 1, error_code = $5, error_message = $6,
    status = case when $10::int8 is not null and j.failure_count + 1 < j.max_attempts and j.cancel_requested_at is null
      then 'PENDING' else 'FAILED' end::jobtrail.job_status,
    wait_reason = case when $10::int8 is not null and j.failure_count + 1 < j.max_attempts
      and j.cancel_requested_at is null then 'RETRY' end::jobtrail.wait_reason,
    scheduled_at = case when $10::int8 is not null and j.failure_count + 1 < j.max_attempts
      and j.cancel_requested_at is null then jobtrail.clock() + make_interval(secs => $10::int8 / 1000.0) end,
    event = case when $10::int8 is not null and j.failure_count + 1 < j.max_attempts and j.cancel_requested_at is null
      then 'job.retry_scheduled' else 'job.failed' end,
    note = case when $14::text is not null
      then jsonb_build_object('result_sha256', encode(sha256(convert_to($14::text::jsonb::text, 'UTF8')), 'hex')) end,
    actor_type = 'worker', actor_id = $4, step_id = null
  where j.workspace_id = $1 and j.id = $2 and j.attempt_id = $3 and j.status = 'RUNNING'
  returning j.*
), closed as (
  update jobtrail.attempts a set status = $8::text::jobtrail.attempt_status, ended_at = f.updated_at, error_code = $5,
    error_message = $6, stack_trace = $7, exit_code = $9, cpu_seconds = $11, memory_bytes = $12, disk_bytes = $13
  from finished f where a.workspace_id = $1 and a.job_id = $2 and a.ended_at is null
), stopped as (
  update jobtrail.steps s set status = 'FAILED', completed_at = f.updated_at, error_message = 'the attempt ended: ' || $5
  from finished f where s.workspace_id = $1 and s.job_id = $2 and s.status = 'RUNNING'
), stored as (
  insert into jobtrail.results (workspace_id, job_id, generation, status, summary, output, execution_time_ms)
  select workspace_id, id, generation, 'FAILURE', $6, $14::text::jsonb, $15 from finished where status = 'FAILED'
)
select status::text, scheduled_at, version from finished
