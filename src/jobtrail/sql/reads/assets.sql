-- The assets of a job in the order of their making.
select id, job_id, attempt_id, step_id, name, role, media_type, byte_size, sha256, storage_key, created_at,
  source_task_id, created_by
from jobtrail.assets where workspace_id = $1 and job_id = $2 order by id
