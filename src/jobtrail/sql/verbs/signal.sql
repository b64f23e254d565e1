-- Keeps a signal for a job that is held and has not ended; one that waits for it goes on. The first of a name counts.
with held as materialized (
  select workspace_id, id, status, wait_reason, queue from jobtrail.jobs where workspace_id = $1 and id = $2
), kept as (
  insert into jobtrail.signals (workspace_id, job_id, name, payload, actor_type, actor_id)
  select workspace_id, id, $3, $4::text::jsonb, $5::text::jobtrail.actor_type, $6 from held
  on conflict do nothing
  returning name
), awaited as (
  -- Changes of other kinds may have come after the job began to wait, so the note of the wait itself is asked.
  select h.id from held h join kept k on true where h.status = 'PENDING' and h.wait_reason = 'SIGNAL'
    and k.name = (select e.payload::jsonb ->> 'signal' from jobtrail.events e
      where e.workspace_id = $1 and e.job_id = $2 and e.type = 'job.waiting' order by e.seq desc limit 1)
), told as (
  update jobtrail.jobs j set event = case when a.id is null then 'job.updated' else 'job.resumed' end,
    status = case when a.id is null then j.status else 'QUEUED' end::jobtrail.job_status,
    wait_reason = case when a.id is null then j.wait_reason end,
    scheduled_at = case when a.id is null then j.scheduled_at end,
    step_id = null, note = jsonb_build_object('signal', $3::text),
    actor_type = $5::text::jobtrail.actor_type, actor_id = $6
  from kept k left join awaited a on true where j.workspace_id = $1 and j.id = $2
  returning j.workspace_id, j.id, j.event
), untimed as (
  delete from jobtrail.timers t using told c
  where t.workspace_id = c.workspace_id and t.job_id = c.id and t.type = 'START' and c.event = 'job.resumed'
)
select exists (select from kept) as is_new, exists (select from awaited) as resumed, queue from held
