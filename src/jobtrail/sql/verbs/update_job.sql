-- Changes what may change while a job is as it was read ($3, null: whatever). $6.. null leaves a field as it is.
with was as materialized (
  select *, jobtrail.job_strand(concurrency_key, slots) as strand,
    jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at) as rank
  from jobtrail.jobs where workspace_id = $1 and id = $2 for update
), changed as (
  update jobtrail.jobs j set event = 'job.updated', actor_type = $4::text::jobtrail.actor_type, actor_id = $5,
    step_id = null, priority = coalesce($6, j.priority), title = coalesce($7, j.title),
    tags = coalesce($8, j.tags), cancel_at = coalesce($9, j.cancel_at), scheduled_at = coalesce($10, j.scheduled_at),
    status = case when $10::timestamptz > jobtrail.clock() and j.status in ('QUEUED', 'VALIDATING') then 'PENDING'
      else j.status end::jobtrail.job_status,
    wait_reason = case when $10::timestamptz > jobtrail.clock() and j.status in ('QUEUED', 'VALIDATING', 'PENDING')
      and coalesce(j.wait_reason, 'SCHEDULE') in ('SCHEDULE', 'RETRY', 'VALIDATION') then 'SCHEDULE'::jobtrail.wait_reason
      else j.wait_reason end
  from was
  where j.workspace_id = $1 and j.id = $2 and ($3::int4 is null or was.version = $3)
  returning j.*, jobtrail.job_rank(j.priority, j.generation, j.created_at, j.scheduled_at, j.queued_at) as rank
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join was on r.queue = was.queue and r.workspace_id = $1 and r.strand = was.strand
      and r.rank = was.rank and r.job_id = was.id join changed c on c.id = was.id
    where was.rank <> c.rank or c.status <> 'QUEUED' for update of r skip locked))
), readied as (
  insert into jobtrail.ready (workspace_id, job_id, rank, slots, concurrency_limit, queue, type, strand)
  select c.workspace_id, c.id, c.rank, c.slots, c.concurrency_limit, c.queue, c.type, was.strand
  from changed c join was on c.id = was.id where c.status = 'QUEUED' and c.rank <> was.rank
)
select status::text, version from changed
