-- What a worker must know of the jobs that it runs: which are to be cancelled, and which are no longer its own.
select held.attempt_id, j.cancel_requested_at is not null and j.attempt_id = held.attempt_id as cancel,
  j.cancel_reason as reason, coalesce(j.attempt_id = held.attempt_id and j.status = 'RUNNING', false) as own
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as held (workspace_id, job_id, attempt_id)
left join (
  select workspace_id, id, attempt_id, status, cancel_requested_at, cancel_reason from jobtrail.jobs
  where workspace_id = any ($1::uuid[]) and id = any ($2::uuid[])
) j on j.workspace_id = held.workspace_id and j.id = held.job_id
where j.cancel_requested_at is not null or j.attempt_id is distinct from held.attempt_id or j.status <> 'RUNNING'
