-- Takes jobs from workers that are gone ($1) and from leases that ran out. A loss is not a failure; the third puts the
-- job to FAILED. A lease counts from the restart of the database, and from $2, when it began to answer all the time; by
-- $3, when it last answered, a lease must have run out: afterwards it may have stood still. Never waits for a lock.
-- What a turn of an agent cost that its worker took with it nobody knows, which is not zero: it is booked without a price.
with gone as (
  select a.workspace_id, a.job_id, a.id, coalesce(w.stop_reason, case when w.id is null then 'its worker is unknown'
    when a.worker_id = any ($1::uuid[]) then 'its worker process is gone' else 'the lease of its worker ran out' end) why
  from jobtrail.attempts a left join jobtrail.workers w on w.id = a.worker_id
  where a.ended_at is null and (w.id is null or a.worker_id = any ($1::uuid[]) or w.stopped_at is not null
    or greatest(w.lease_until, greatest(pg_postmaster_start_time(), $2::timestamptz) + make_interval(secs => w.lease_seconds))
      < coalesce($3::timestamptz, jobtrail.clock()))
  limit 500
), held as (
  select j.workspace_id, j.id, g.why from jobtrail.jobs j join gone g on j.workspace_id = g.workspace_id
    and j.id = g.job_id and j.attempt_id = g.id
  where j.workspace_id = any (array(select workspace_id from gone)) and j.id = any (array(select job_id from gone))
    and j.status = 'RUNNING' and (g.why <> 'its worker is unknown'
    or j.updated_at < jobtrail.clock() - interval '10 seconds')
  for update of j skip locked
), lost as (
  update jobtrail.jobs j set loss_count = j.loss_count + 1,
    status = case when j.cancel_requested_at is not null then 'CANCELLED' when j.loss_count + 1 >= 3 then 'FAILED'
      else 'QUEUED' end::jobtrail.job_status,
    event = case when j.cancel_requested_at is not null then 'job.cancelled' when j.loss_count + 1 >= 3 then 'job.failed'
      else 'job.lost' end,
    error_code = case when j.cancel_requested_at is not null then 'cancelled' when j.loss_count + 1 >= 3
      then 'quarantined' else 'lost' end,
    error_message = case when j.loss_count + 1 >= 3
      then 'three workers were lost while they ran this job; the last: ' || h.why else h.why end,
    actor_type = 'system', actor_id = 'rescuer', step_id = null
  from held h where j.workspace_id = any (array(select workspace_id from held))
    and j.id = any (array(select id from held)) and j.workspace_id = h.workspace_id and j.id = h.id
  returning j.workspace_id, j.id, j.updated_at, j.status, j.generation, j.error_message, j.project_id, j.task_id, h.why
), closed as (
  update jobtrail.attempts a set status = 'LOST', ended_at = l.updated_at, error_code = 'lost', error_message = l.why
  from lost l where a.workspace_id = any (array(select workspace_id from lost))
    and a.job_id = any (array(select id from lost)) and a.workspace_id = l.workspace_id and a.job_id = l.id
    and a.ended_at is null
  returning a.workspace_id, a.job_id, a.id
), unheard as (  -- its first step that runs is the turn, those of its tools came after
  insert into jobtrail.usage (workspace_id, job_id, attempt_id, number, step_id, provider, model, price_source, project_id,
    task_id)
  select c.workspace_id, c.job_id, c.id, (select coalesce(max(u.number), 0) + 1 from jobtrail.usage u
      where u.workspace_id = c.workspace_id and u.job_id = c.job_id and u.attempt_id = c.id),
    s.id, 'unknown', 'unknown', 'lost with its worker', l.project_id, l.task_id
  from closed c join lost l on l.workspace_id = c.workspace_id and l.id = c.job_id cross join lateral (
    select s.id from jobtrail.steps s where s.workspace_id = c.workspace_id and s.job_id = c.job_id
      and s.attempt_id = c.id and s.type = 'AI_ACTION' and s.status = 'RUNNING' order by s.ordinal limit 1) s
  where not exists (select from jobtrail.usage u where u.workspace_id = c.workspace_id and u.job_id = c.job_id
    and u.attempt_id = c.id and u.step_id = s.id)
), stopped as (
  update jobtrail.steps s set status = 'FAILED', completed_at = l.updated_at, error_message = l.why
  from lost l where s.workspace_id = any (array(select workspace_id from lost))
    and s.job_id = any (array(select id from lost)) and s.workspace_id = l.workspace_id and s.job_id = l.id
    and s.status = 'RUNNING'
), stored as (
  insert into jobtrail.results (workspace_id, job_id, generation, status, summary)
  select workspace_id, id, generation, 'FAILURE', error_message from lost where status = 'FAILED'
)
select workspace_id, id, status::text from lost
