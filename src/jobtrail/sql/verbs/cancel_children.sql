-- Cancels up to $3 jobs whose parents ($1, $2) failed, were cancelled or are about to be, as far as they go with their
-- parent and nobody else holds them; answers how many, and whether a worker is to be told.
with kin as materialized (
  select k.workspace_id, k.id from jobtrail.jobs k
  where k.workspace_id = any ($1::uuid[]) and k.parent_id = any ($2::uuid[]) and k.on_parent = 'CANCEL'
    and (k.workspace_id, k.parent_id) in (select * from unnest($1::uuid[], $2::uuid[]))  -- ids are unique in a workspace only
    and k.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') and k.cancel_requested_at is null
  limit $3
), held as materialized (
  select k.workspace_id, k.id, k.queue, jobtrail.job_strand(k.concurrency_key, k.slots) as strand,
    jobtrail.job_rank(k.priority, k.generation, k.created_at, k.scheduled_at, k.queued_at) as rank
  from jobtrail.jobs k
  where k.workspace_id = any ($1::uuid[]) and k.id = any (array(select id from kin))
    and (k.workspace_id, k.id) in (select workspace_id, id from kin) and k.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') and k.cancel_requested_at is null
  order by k.id for update of k skip locked
), changed as (
  update jobtrail.jobs j set
    status = case when j.status = 'RUNNING' then 'RUNNING' else 'CANCELLED' end::jobtrail.job_status,
    event = case when j.status = 'RUNNING' then 'job.cancel_requested' else 'job.cancelled' end,
    cancel_requested_at = jobtrail.clock(), cancel_reason = format('its parent %s was stopped', j.parent_id),
    wait_reason = null, scheduled_at = null, step_id = null, actor_type = 'system', actor_id = 'settler', note = null
  from held h where j.workspace_id = any ($1::uuid[]) and j.id = any (array(select id from held))
    and j.workspace_id = h.workspace_id and j.id = h.id
  returning j.workspace_id, j.id, j.parent_id, j.queue, j.status, h.rank, h.strand
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join changed c on r.workspace_id = c.workspace_id and r.queue = c.queue
      and r.strand = c.strand and r.rank = c.rank and r.job_id = c.id
    where r.workspace_id = any ($1::uuid[]) and r.queue = any (array(select queue from changed))
      and r.strand = any (array(select strand from changed)) and r.rank = any (array(select rank from changed))
      and r.job_id = any (array(select id from changed)) for update of r skip locked))
), untimed as (
  delete from jobtrail.timers t using changed c where t.workspace_id = any ($1::uuid[])
    and t.job_id = any (array(select id from changed)) and t.workspace_id = c.workspace_id and t.job_id = c.id
    and c.status = 'CANCELLED' and t.type <> 'UNIQUE'
), ungated as (
  update jobtrail.gates g set status = 'EXPIRED', decided_at = jobtrail.clock() from changed c
  where g.workspace_id = any ($1::uuid[]) and g.job_id = any (array(select id from changed))
    and g.workspace_id = c.workspace_id and g.job_id = c.id and g.status = 'WAITING' and c.status = 'CANCELLED'
)
select count(*), coalesce(bool_or(status = 'RUNNING'), false) as told from changed
