-- Hands up to $4 ready jobs of one queue to a worker, of each workspace $5 up to as many as $6 says, in its turn: taken from
-- `ready` from the place $7, $8 on, moved, and an attempt opened for each. Only jobs without a concurrency key that take one
-- slot, and only where no limit holds: for all others there is `claim_limited`.
with closed as (
  select workspace_id from jobtrail.queues where workspace_id = any ($5::uuid[]) and name = $2 and paused_at is not null
  union all
  select id from jobtrail.workspaces where id = any ($5::uuid[]) and paused_at is not null
  union all
  select workspace_id from jobtrail.limits where workspace_id = any ($5::uuid[])
    and (scope in ('TYPE', 'WORKSPACE') or (scope = 'QUEUE' and name = $2))
), picked as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from unnest($5::uuid[], $6::int4[], $7::int8[], $8::uuid[]) a (workspace_id, number, rank, job_id)
    cross join lateral (
      select h.ctid from jobtrail.ready h
      where h.queue = $2 and h.workspace_id = a.workspace_id and h.strand = '' and h.type = any ($3::text[])
        and (h.rank, h.job_id) >= (a.rank, a.job_id)
      order by h.rank, h.job_id
      limit a.number
      for update skip locked
    ) r
    where a.workspace_id <> all (array(select workspace_id from closed))
    limit $4
  ))
  returning workspace_id, job_id, rank
), started as (
  update jobtrail.jobs j set status = 'RUNNING', event = 'job.started', actor_type = 'worker',
    actor_id = $1::uuid::text, attempt_count = j.attempt_count + 1, progress = 0, stage = null, step_id = null,
    attempt_id = ($9::text || substr(md5($10::text || j.workspace_id || j.id), 1, 3) || '8'
      || substr(md5($10::text || j.workspace_id || j.id), 4, 15))::uuid
  from picked p where j.workspace_id = any (array(select distinct workspace_id from picked))
    and j.id = any (array(select job_id from picked)) and j.workspace_id = p.workspace_id and j.id = p.job_id
    and j.status = 'QUEUED'
  returning j.*, p.rank
), opened as (
  insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, started_at, slots, queue, type,
    concurrency_key)
  select workspace_id, id, attempt_id, $1, attempt_count, updated_at, slots, queue, type, concurrency_key from started
)
select workspace_id, id as job_id, attempt_id, attempt_count as number, type, input::text, failure_count, max_attempts,
  generation, timeout_seconds, idle_timeout_seconds, backoff_type::text, backoff_delay_ms, backoff_max_ms,
  traceparent, fork_of, slots, rank,
  budgeted or workspace_id = any (array(
    select distinct workspace_id from jobtrail.budgets where wide and workspace_id = any ($5))) as budgeted
from started
