-- Gives many jobs that have not ended the priority $6, for the bulk operation $5; answers each one's status before it,
-- and what was done.
with held as materialized (
  select id, status, priority, queue from jobtrail.jobs where workspace_id = $1 and id = any ($2::uuid[])
  order by id for update
), changed as (
  update jobtrail.jobs j set event = 'job.updated', priority = $6, step_id = null,
    actor_type = $3::text::jobtrail.actor_type, actor_id = $4, note = jsonb_build_object('bulk', $5::uuid)
  from held h
  where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.id = h.id
    and h.status not in ('COMPLETED', 'FAILED', 'CANCELLED') and h.priority <> $6::int4
  returning j.workspace_id, j.id, j.status, j.priority, j.queue, j.type, j.concurrency_key, h.priority as was
), unready as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join changed c on r.queue = c.queue and r.priority = c.was and r.job_id = c.id
      and r.workspace_id = $1
    where r.queue = any (array(select queue from changed)) and r.priority = any (array(select was from changed))
      and r.job_id = any (array(select id from changed)) for update of r skip locked))
), readied as (
  insert into jobtrail.ready (workspace_id, job_id, priority, queue, type, concurrency_key)
  select workspace_id, id, priority, queue, type, concurrency_key from changed where status = 'QUEUED'
)
select h.id, h.status::text, c.id is not null as done, c.queue from held h left join changed c on c.id = h.id
