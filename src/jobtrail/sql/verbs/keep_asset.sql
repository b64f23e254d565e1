-- Makes a stored file an asset of the job; before this row it cannot be read. No row: the attempt is stale.
with held as materialized (
  select workspace_id, id, task_id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), kept as (
  insert into jobtrail.assets (workspace_id, id, job_id, attempt_id, step_id, source_task_id, name, role, media_type,
    byte_size, sha256, storage_key, created_by)
  select $1, $4, $2, $3, $5, held.task_id, $6, $7, $8, $9, $10, $11, 'worker:' || $12 from held
  returning id
)
update jobtrail.jobs j set event = 'artifact.created', step_id = $5, actor_type = 'worker', actor_id = $12,
  note = jsonb_build_object('asset_id', $4::uuid, 'name', $6::text, 'byte_size', $9::int8, 'sha256', $10::text)
from kept where j.workspace_id = $1 and j.id = $2
returning j.version
