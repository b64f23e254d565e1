-- Takes the job of an attempt, so that until the commit nobody else changes it, and tells how both stand. No row: this
-- worker has no such attempt. `knows_step`: $5 is a step of the job, or none is named.
select j.type, j.queue, j.generation, j.status = 'RUNNING' and j.attempt_id = a.id as open, a.status::text as ended_as,
  j.cancel_requested_at is not null as cancel, j.cancel_reason as reason, j.progress, j.stage,
  j.event = 'job.progress' and j.updated_at > jobtrail.clock() - interval '1 second' as told_lately,
  (extract(epoch from jobtrail.clock() - a.started_at) * 1000)::int8 as ms,
  j.failure_count, j.backoff_type::text, j.backoff_delay_ms, j.backoff_max_ms,
  $5::uuid is null or exists (select from jobtrail.steps s
    where s.workspace_id = $1 and s.job_id = $2 and s.id = $5) as knows_step
from jobtrail.jobs j join jobtrail.attempts a on a.workspace_id = j.workspace_id and a.job_id = j.id
where j.workspace_id = $1 and j.id = $2 and a.workspace_id = $1 and a.job_id = $2 and a.id = $3 and a.worker_id = $4
for update of j
