-- The attempts of a job, oldest first.
select id, job_id, number, status::text, worker_id, process_id, session_id, progress, cpu_seconds, memory_bytes,
  disk_bytes, exit_code, error_code, error_message, stack_trace, started_at, ended_at
from jobtrail.attempts where workspace_id = $1 and job_id = $2 order by number
