-- Gives many jobs that have not ended the priority $6, for the bulk operation $5; answers each one's status before it,
-- and what was done.
with held as materialized (
  select id, status, priority, queue, jobtrail.job_strand(concurrency_key, slots) as strand,
    jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at) as rank
  from jobtrail.jobs where workspace_id = $1 and id = any ($2::uuid[])
  order by id for update
), changed as (
  update jobtrail.jobs j set event = 'job.updated', priority = $6, step_id = null,
    actor_type = $3::text::jobtrail.actor_type, actor_id = $4, note = jsonb_build_object('bulk', $5::uuid)
  from held h
  where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.id = h.id
    and h.status not in ('COMPLETED', 'FAILED', 'CANCELLED') and h.priority <> $6::int4
  returning j.*, h.rank as was, h.strand
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join changed c on r.queue = c.queue and r.strand = c.strand and r.rank = c.was
      and r.job_id = c.id
    where r.workspace_id = $1 and r.queue = any (array(select queue from changed))
      and r.strand = any (array(select strand from changed)) and r.rank = any (array(select was from changed))
      and r.job_id = any (array(select id from changed)) for update of r skip locked))
), readied as (
  insert into jobtrail.ready (workspace_id, job_id, rank, slots, concurrency_limit, queue, type, strand)
  select workspace_id, id, jobtrail.job_rank(priority, generation, created_at, scheduled_at, queued_at), slots,
    concurrency_limit, queue, type, strand
  from changed where status = 'QUEUED'
)
select h.id, h.status::text, c.id is not null as done, c.queue from held h left join changed c on c.id = h.id
