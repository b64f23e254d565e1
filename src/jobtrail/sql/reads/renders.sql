-- The newest $3 renders that were not removed, as long as all their documents together have at most $4 bytes; the oldest first.
with latest as (
  select j.workspace_id, j.id, octet_length(j.input::text) + coalesce(octet_length(n.said::text), 0) as bytes
  from jobtrail.jobs j left join jobtrail.nexrender_jobs n on n.workspace_id = j.workspace_id and n.job_id = j.id
  where j.workspace_id = $1 and j.type = $2 and n.removed_at is null
  order by j.id desc limit $3
), newest as (
  select workspace_id, id, sum(bytes) over (order by id desc) as bytes from latest
)
select j.id as job_id, coalesce(n.uid, j.id::text) as uid, n.removed_at is not null as removed, n.request_sha256,
  j.status::text, j.stage, j.progress, j.input, coalesce(n.said, '{}') as said, j.created_by, j.error_code,
  j.error_message, j.cancel_reason, j.created_at, j.updated_at, j.completed_at, a.id as attempt_id, w.id as worker_id,
  w.name as worker_name, w.host_id as worker_host
from newest m join jobtrail.jobs j on j.workspace_id = m.workspace_id and j.id = m.id and m.bytes <= $4
left join jobtrail.nexrender_jobs n on n.workspace_id = j.workspace_id and n.job_id = j.id
left join jobtrail.attempts a on a.workspace_id = j.workspace_id and a.job_id = j.id and a.ended_at is null
left join jobtrail.workers w on w.id = a.worker_id
order by j.id
