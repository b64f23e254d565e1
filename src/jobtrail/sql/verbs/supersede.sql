-- Takes unique keys $3 from the jobs that hold them, for jobs $2 that are about to be accepted: what waits is cancelled, what runs ($4) is asked to stop.
-- Answers for each key that was taken the job that is to have it, and when the first job of their chain was accepted.
with wanted as materialized (
  select * from unnest($2::uuid[], $3::text[]) as w (heir_id, unique_key)
), held as materialized (
  select j.id, j.status, j.queue, j.created_at, w.heir_id, jobtrail.job_strand(j.concurrency_key, j.slots) as strand,
    jobtrail.job_rank(j.priority, j.generation, j.created_at, j.scheduled_at, j.queued_at) as rank
  from jobtrail.jobs j
    join wanted w on j.unique_hold = w.unique_key
  where j.workspace_id = $1 and j.unique_hold = any ($3::text[])
  order by j.id for update of j
), changed as (
  update jobtrail.jobs j set
    status = case when j.status = 'RUNNING' then 'RUNNING' else 'CANCELLED' end::jobtrail.job_status,
    event = case when j.status = 'RUNNING' then 'job.cancel_requested' else 'job.cancelled' end,
    cancel_requested_at = coalesce(j.cancel_requested_at, jobtrail.clock()),
    cancel_reason = format('superseded by job %s', h.heir_id), wait_reason = null, scheduled_at = null, step_id = null,
    actor_type = $5::text::jobtrail.actor_type, actor_id = $6, note = jsonb_build_object('superseded_by', h.heir_id)
  from held h
  where j.workspace_id = $1 and j.id = h.id and j.unique_hold is not null
    and (j.status in ('PENDING', 'VALIDATING', 'QUEUED') or (j.status = 'RUNNING' and $4::bool))
  returning j.workspace_id, j.id, j.queue, j.status, j.created_at, h.heir_id, h.strand, h.rank
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join changed c on r.queue = c.queue and r.strand = c.strand and r.rank = c.rank
      and r.job_id = c.id
    where r.workspace_id = $1 and r.queue = any (array(select queue from changed))
      and r.strand = any (array(select strand from changed)) and r.rank = any (array(select rank from changed))
      and r.job_id = any (array(select id from changed)) for update of r skip locked))
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = $1 and t.job_id = c.id and c.status = 'CANCELLED'
), ungated as (
  update jobtrail.gates g set status = 'EXPIRED', decided_at = jobtrail.clock() from changed c
  where g.workspace_id = $1 and g.job_id = c.id and g.status = 'WAITING' and c.status = 'CANCELLED'
), noted as (
  insert into jobtrail.supersedings (workspace_id, job_id, heir_id, since)
  select c.workspace_id, c.id, c.heir_id, coalesce((select min(s.since) from jobtrail.supersedings s
    where s.workspace_id = $1 and s.heir_id = c.id), c.created_at) from changed c
  on conflict (workspace_id, job_id) do update set heir_id = excluded.heir_id, at = jobtrail.clock(), since = excluded.since
  returning heir_id, since
)
select heir_id, since from noted
