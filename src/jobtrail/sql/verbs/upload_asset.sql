-- Makes a stored file an asset of the workspace, or of a job that has not ended ($3). No row: there is no such job or
-- task, or the job has ended.
with held as materialized (
  select id, task_id from jobtrail.jobs
  where workspace_id = $1 and id = $3 and status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') for update
), kept as (
  insert into jobtrail.assets (workspace_id, id, job_id, source_task_id, name, role, media_type, byte_size, sha256,
    storage_key, created_by)
  select $1, $2, $3, coalesce($4, (select task_id from held)), $5, $6, $7, $8, $9, $10, $11::text || ':' || $12::text
  where ($3::uuid is null or exists (select from held))
    and ($4::uuid is null or exists (select from jobtrail.tasks t where t.workspace_id = $1 and t.id = $4))
  returning *
), told as (
  update jobtrail.jobs j set event = 'artifact.created', step_id = null, actor_type = $11::text::jobtrail.actor_type,
    actor_id = $12, note = jsonb_build_object('asset_id', kept.id, 'name', kept.name, 'byte_size', kept.byte_size,
      'sha256', kept.sha256)
  from kept where j.workspace_id = $1 and j.id = kept.job_id
)
select id, job_id, attempt_id, step_id, name, role, media_type, byte_size, sha256, storage_key, created_at,
  source_task_id, created_by
from kept
