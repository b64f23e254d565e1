-- A job of a task that has not ended and goes on with a session ($3), not with a copy of it; but the one that was made under
-- key $4.
select j.id, j.status::text from jobtrail.jobs j
where j.workspace_id = $1 and j.task_id = $2 and j.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING')
  and ((j.input ->> 'resume' = $3 and j.input -> 'fork' is distinct from 'true'::jsonb)
    or exists (select from jobtrail.attempts a where a.workspace_id = $1 and a.job_id = j.id and a.session_id = $3))
  and not exists (select from jobtrail.idempotency_keys k where k.workspace_id = $1 and k.key = $4 and k.job_id = j.id)
order by j.id limit 1
