-- The newest $3 files of each of the jobs $2.
select a.id, a.job_id, a.attempt_id, a.step_id, a.name, a.role, a.media_type, a.byte_size, a.sha256, a.storage_key,
  a.created_at, a.source_task_id, a.created_by
from unnest($2::uuid[]) named (job_id)
cross join lateral (select * from jobtrail.assets f where f.workspace_id = $1 and f.job_id = named.job_id
  order by f.id desc limit $3) a
order by a.id desc
