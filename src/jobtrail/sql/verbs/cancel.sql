-- Cancels at once what does not run; asks the worker of what runs. No row: the job is not there or has ended.
with was as materialized (
  select id, queue, jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at) as rank,
    jobtrail.job_strand(concurrency_key, slots) as strand
  from jobtrail.jobs where workspace_id = $1 and id = $2 for update
), changed as (
  update jobtrail.jobs j set
    status = case when j.status = 'RUNNING' then 'RUNNING' else 'CANCELLED' end::jobtrail.job_status,
    event = case when j.status = 'RUNNING' then 'job.cancel_requested' else 'job.cancelled' end,
    cancel_requested_at = coalesce(j.cancel_requested_at, jobtrail.clock()), cancel_reason = $5, wait_reason = null,
    scheduled_at = null, step_id = null, actor_type = $3::text::jobtrail.actor_type, actor_id = $4
  from was
  where j.workspace_id = $1 and j.id = $2 and j.id = was.id and j.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING')
    and (j.status <> 'RUNNING' or j.cancel_requested_at is null)
  returning j.*
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join was w on r.queue = w.queue and r.workspace_id = $1 and r.strand = w.strand
      and r.rank = w.rank and r.job_id = w.id join changed c on c.id = w.id for update of r skip locked))
), untimed as (
  delete from jobtrail.timers t using changed c
  where t.workspace_id = c.workspace_id and t.job_id = c.id and c.status = 'CANCELLED' and t.type <> 'UNIQUE'
), ungated as (
  update jobtrail.gates g set status = 'EXPIRED', decided_at = jobtrail.clock() from changed c
  where g.workspace_id = c.workspace_id and g.job_id = c.id and g.status = 'WAITING' and c.status = 'CANCELLED'
)
select status::text, version from changed
