-- How many jobs wait ready in each queue of a workspace, counted up to $2, and since when the oldest does.
select q.queue, q.depth, j.queued_at as oldest_queued_at, p.paused_at, p.paused_by, p.paused_reason
from (
  select queue, count(*) depth, min(job_id::text)::uuid oldest
  from (select queue, job_id from jobtrail.ready where workspace_id = $1 limit $2) capped group by queue
  union all
  select name, 0, null from jobtrail.queues where workspace_id = $1
    and not exists (select from jobtrail.ready r where r.workspace_id = $1 and r.queue = name)
) q
left join jobtrail.jobs j on j.workspace_id = $1 and j.id = q.oldest
left join jobtrail.queues p on p.workspace_id = $1 and p.name = q.queue
order by q.queue
