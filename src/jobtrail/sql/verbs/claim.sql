-- Hands up to $4 ready jobs of one queue to a worker: taken from `ready`, moved, and an attempt opened for each.
-- `closed` is the place where limits, rates and fairness between workspaces close a workspace's queue for this claim.
with closed as (
  select workspace_id from jobtrail.queues where name = $2 and paused_at is not null
), picked as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r
    where r.queue = $2 and r.type = any ($3::text[]) and r.job_id > $5
      and r.workspace_id <> all (array(select workspace_id from closed))
    order by r.priority desc, r.job_id
    limit $4
    for update skip locked
  ))
  returning workspace_id, job_id
), started as (
  update jobtrail.jobs j set status = 'RUNNING', event = 'job.started', actor_type = 'worker',
    actor_id = $1::uuid::text, attempt_count = j.attempt_count + 1, progress = 0, stage = null, step_id = null,
    attempt_id = ($6::text || substr(md5($7::text || j.workspace_id || j.id), 1, 3) || '8'
      || substr(md5($7::text || j.workspace_id || j.id), 4, 15))::uuid
  from picked p where j.workspace_id = any (array(select distinct workspace_id from picked))
    and j.id = any (array(select job_id from picked)) and j.workspace_id = p.workspace_id and j.id = p.job_id
    and j.status = 'QUEUED'
  returning j.*
), opened as (
  insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, started_at)
  select workspace_id, id, attempt_id, $1, attempt_count, updated_at from started
)
select workspace_id, id as job_id, attempt_id, attempt_count as number, type, input::text, failure_count, max_attempts,
  generation, timeout_seconds, idle_timeout_seconds, backoff_type::text, backoff_delay_ms, backoff_max_ms,
  traceparent
from started
