-- Writes which process and which session an attempt is; null leaves what is known. No row: the attempt is stale.
with held as materialized (
  select workspace_id, id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for share
)
update jobtrail.attempts a set process_id = coalesce($4, a.process_id), session_id = coalesce($5, a.session_id)
from held where a.workspace_id = $1 and a.job_id = $2 and a.id = $3 and a.ended_at is null
returning a.id
