-- One render by its uid ($2): of several the one that was not removed, then the newest; or by the job's id ($3).
with named as (
  select job_id from jobtrail.nexrender_jobs where workspace_id = $1 and uid = $2
  order by removed_at is null desc, job_id desc limit 1
), meant as (
  select job_id from named union all select $3::uuid where not exists (select from named)
)
select j.id as job_id, coalesce(n.uid, j.id::text) as uid, n.removed_at is not null as removed, n.request_sha256,
  j.status::text, j.stage, j.progress, j.input, coalesce(n.said, '{}') as said, j.created_by, j.error_code,
  j.error_message, j.cancel_reason, j.created_at, j.updated_at, j.completed_at, a.id as attempt_id, w.id as worker_id,
  w.name as worker_name, w.host_id as worker_host
from meant m join jobtrail.jobs j on j.workspace_id = $1 and j.id = m.job_id and j.type = $4
left join jobtrail.nexrender_jobs n on n.workspace_id = j.workspace_id and n.job_id = j.id
left join jobtrail.attempts a on a.workspace_id = j.workspace_id and a.job_id = j.id and a.ended_at is null
left join jobtrail.workers w on w.id = a.worker_id
