-- Hands one ready render of a workspace to a worker: of this job ($6), or of one of these tags ($7) and types ($8), or any.
-- No attempt in the answer: the job was no longer ready, and only its place in the queue was left; ask again.
with picked as (
  delete from jobtrail.ready where ctid = any (array(
    select r.ctid from jobtrail.ready r join jobtrail.jobs j on j.workspace_id = r.workspace_id and j.id = r.job_id
    where r.queue = $2 and r.type = $3 and r.workspace_id = $9 and ($6::uuid is null or r.job_id = $6)
      and ($7::text[] is null or j.tags && $7)
      and ($8::text[] is null or coalesce(j.input ->> 'type', 'default') = any ($8))
      and not exists (select from jobtrail.queues q where q.workspace_id = $9 and q.name = $2 and q.paused_at is not null)
    order by r.priority desc, r.job_id
    limit 1
    for update of r skip locked
  ))
  returning workspace_id, job_id
), started as (
  update jobtrail.jobs j set status = 'RUNNING', event = 'job.started', actor_type = 'worker',
    actor_id = $1::uuid::text, attempt_count = j.attempt_count + 1, progress = 0, stage = null, step_id = null,
    attempt_id = ($4::text || substr(md5($5::text || j.id), 1, 3) || '8' || substr(md5($5::text || j.id), 4, 15))::uuid
  from picked p where j.workspace_id = $9 and j.id = p.job_id and j.status = 'QUEUED'
  returning j.*
), opened as (
  insert into jobtrail.attempts (workspace_id, job_id, id, worker_id, number, started_at)
  select workspace_id, id, attempt_id, $1, attempt_count, updated_at from started
)
select p.job_id, s.attempt_id from picked p left join started s on s.id = p.job_id
