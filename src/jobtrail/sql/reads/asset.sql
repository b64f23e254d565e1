-- One asset of a workspace.
select id, job_id, attempt_id, step_id, name, role, media_type, byte_size, sha256, storage_key, created_at,
  source_task_id, created_by
from jobtrail.assets where workspace_id = $1 and id = $2
