-- Cancels many jobs like `cancel`, for the bulk operation $6; answers each one's status before it, and what was done.
with held as materialized (
  select id, status, cancel_requested_at, queue, jobtrail.job_strand(concurrency_key, slots) as strand,
    jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at) as rank
  from jobtrail.jobs where workspace_id = $1 and id = any ($2::uuid[])
  order by id for update
), changed as (
  update jobtrail.jobs j set
    status = case when j.status = 'RUNNING' then 'RUNNING' else 'CANCELLED' end::jobtrail.job_status,
    event = case when j.status = 'RUNNING' then 'job.cancel_requested' else 'job.cancelled' end,
    cancel_requested_at = coalesce(j.cancel_requested_at, jobtrail.clock()), cancel_reason = $5, wait_reason = null,
    scheduled_at = null, step_id = null, actor_type = $3::text::jobtrail.actor_type, actor_id = $4,
    note = jsonb_build_object('bulk', $6::uuid)
  from held h
  where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.id = h.id
    and h.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING')
    and (h.status <> 'RUNNING' or h.cancel_requested_at is null)
  returning j.workspace_id, j.id, j.queue, j.status, h.rank, h.strand
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join changed c on r.queue = c.queue and r.strand = c.strand and r.rank = c.rank
      and r.job_id = c.id
    where r.workspace_id = $1 and r.queue = any (array(select queue from changed))
      and r.strand = any (array(select strand from changed)) and r.rank = any (array(select rank from changed))
      and r.job_id = any (array(select id from changed)) for update of r skip locked))
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = $1 and t.job_id = any ($2::uuid[]) and t.job_id = c.id and c.status = 'CANCELLED' and t.type <> 'UNIQUE'
), ungated as (
  update jobtrail.gates g set status = 'EXPIRED', decided_at = jobtrail.clock() from changed c
  where g.workspace_id = $1 and g.job_id = any ($2::uuid[]) and g.job_id = c.id and g.status = 'WAITING'
    and c.status = 'CANCELLED'
)
select h.id, h.status::text, c.id is not null as done, c.queue from held h left join changed c on c.id = h.id
