-- Moves what is due: starts (those whose input is to be checked: to that), cancels, ends of a wait in a queue, unique keys held for as long as they may be.
-- Gates expire through `expire_gates`. A job that somebody else holds keeps its timer for the next round.
with due as (
  select workspace_id, job_id, type, due_at from jobtrail.timers
  where due_at <= (select jobtrail.clock()) and type <> 'GATE'
  order by due_at limit $1
), held as (
  select j.* from jobtrail.jobs j
  where j.workspace_id = any (array(select workspace_id from due)) and j.id = any (array(select job_id from due))
  for update of j skip locked
), chosen as (
  select distinct on (h.workspace_id, h.id) h.workspace_id, h.id, d.type,
    d.type = 'START' and h.checked and h.attempt_count = 0 as first
  from held h join due d on d.workspace_id = h.workspace_id and d.job_id = h.id
  where (d.type = 'START' and h.status = 'PENDING' and h.scheduled_at <= d.due_at
      and h.wait_reason not in ('GATE', 'DEPENDENCY', 'VALIDATION'))
    or (d.type = 'CANCEL' and h.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') and h.cancel_requested_at is null
      and h.cancel_at <= d.due_at)
    or (d.type = 'QUEUE_TIMEOUT' and h.status = 'QUEUED'
      and h.queued_at + make_interval(secs => h.queue_timeout_seconds) <= d.due_at)
    or (d.type = 'UNIQUE' and h.unique_hold is not null and h.unique_until <= d.due_at)
  order by h.workspace_id, h.id, d.type = 'UNIQUE', d.type desc  -- whatever moves it then gives up its key, too
), moved as (
  update jobtrail.jobs j set
    status = case c.type when 'START' then case when c.first then 'PENDING' else 'QUEUED' end when 'QUEUE_TIMEOUT' then 'FAILED'
      when 'UNIQUE' then j.status::text else case when j.status = 'RUNNING' then 'RUNNING' else 'CANCELLED' end end::jobtrail.job_status,
    event = case c.type when 'START' then case when c.first then 'job.updated' else 'job.queued' end when 'QUEUE_TIMEOUT' then 'job.failed'
      when 'UNIQUE' then 'job.updated' else case when j.status = 'RUNNING' then 'job.cancel_requested' else 'job.cancelled' end end,
    wait_reason = case when c.first then 'VALIDATION' when c.type = 'UNIQUE' then j.wait_reason::text end::jobtrail.wait_reason,
    cancel_requested_at = case when c.type = 'CANCEL' then jobtrail.clock() else j.cancel_requested_at end,
    cancel_reason = case when c.type = 'CANCEL' then 'its time to be cancelled came' else j.cancel_reason end,
    error_code = case when c.type = 'QUEUE_TIMEOUT' then 'queue_timeout' else j.error_code end,
    error_message = case when c.type = 'QUEUE_TIMEOUT'
      then format('no worker took it from queue %s within %s s', j.queue, j.queue_timeout_seconds)
      else j.error_message end,
    actor_type = 'system', actor_id = 'stager', step_id = null
  from chosen c where j.workspace_id = any (array(select workspace_id from chosen))
    and j.id = any (array(select id from chosen)) and j.workspace_id = c.workspace_id and j.id = c.id
  returning j.workspace_id, j.id, j.queue, jobtrail.job_strand(j.concurrency_key, j.slots) as strand, j.status, c.first, c.type,
    jobtrail.job_rank(j.priority, j.generation, j.created_at, j.scheduled_at, j.queued_at) as rank
), done as (
  delete from jobtrail.timers t using due d left join held h on h.workspace_id = d.workspace_id and h.id = d.job_id
  where t.workspace_id = any (array(select workspace_id from due)) and t.job_id = any (array(select job_id from due))
    and t.workspace_id = d.workspace_id and t.job_id = d.job_id and t.type = d.type and t.due_at = d.due_at
    and (h.id is not null
      or not exists (select from jobtrail.jobs j where j.workspace_id = d.workspace_id and j.id = d.job_id))
), ungated as (
  update jobtrail.gates g set status = 'EXPIRED', decided_at = jobtrail.clock() from moved m
  where g.workspace_id = any (array(select workspace_id from moved)) and g.job_id = any (array(select id from moved))
    and g.workspace_id = m.workspace_id and g.job_id = m.id and g.status = 'WAITING' and m.status = 'CANCELLED'
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join moved m on r.queue = m.queue and r.workspace_id = m.workspace_id
      and r.strand = m.strand and r.rank = m.rank and r.job_id = m.id
    where r.queue = any (array(select queue from moved)) and r.workspace_id = any (array(select workspace_id from moved))
      and r.strand = any (array(select strand from moved)) and r.rank = any (array(select rank from moved))
      and r.job_id = any (array(select id from moved)) and m.status <> 'QUEUED'
      and m.type <> 'UNIQUE' for update of r skip locked))
)
select (select count(*) from moved), (select extract(epoch from min(due_at) - (select jobtrail.clock()))::float8
    from jobtrail.timers where due_at > (select jobtrail.clock())),
  coalesce((select array_agg(distinct queue) from moved where type <> 'UNIQUE' and status = 'QUEUED' or first), '{}')
