-- How one queue of a workspace stands, counted up to $3; no row: nothing waits there, nor did, nor was it ever paused.
select $2::text as queue, r.depth, j.queued_at as oldest_queued_at, q.paused_at, q.paused_by, q.paused_reason
from (
  select count(*) as depth, min(job_id::text)::uuid as oldest
  from (select job_id from jobtrail.ready where workspace_id = $1 and queue = $2 limit $3) capped
) r
left join jobtrail.jobs j on j.workspace_id = $1 and j.id = r.oldest
left join jobtrail.queues q on q.workspace_id = $1 and q.name = $2
where r.depth > 0 or q.name is not null
  or exists (select from jobtrail.queue_stats s where s.workspace_id = $1 and s.queue = $2)
