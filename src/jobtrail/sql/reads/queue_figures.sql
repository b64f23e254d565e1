-- How each queue of a workspace stands: jobs that are ready and that run, up to $2; who serves it; and of each of the minutes
-- since $3, by their number, what went in, out and wrong, and the newest waits that were measured.
with recursive measured as (
  (select queue from jobtrail.queue_stats where workspace_id = $1 order by queue limit 1)
  union all
  select (select s.queue from jobtrail.queue_stats s where s.workspace_id = $1 and s.queue > m.queue order by s.queue limit 1)
  from measured m where m.queue is not null
), live as materialized (
  select id, queues, slots from jobtrail.workers
  where (workspace_id = $1 or workspace_id is null) and stopped_at is null and lease_until > jobtrail.clock()
), waiting as materialized (
  select queue from jobtrail.ready where workspace_id = $1 limit $2
), named as (
  select queue from measured where queue is not null
  union select name from jobtrail.queues where workspace_id = $1
  union select queue from waiting
  union select queue from (select queue from jobtrail.validations where workspace_id = $1 limit $2) unchecked
  union select unnest(queues) from live
), open as materialized (
  select a.worker_id, j.queue
  from (select job_id, worker_id from jobtrail.attempts where workspace_id = $1 and ended_at is null
    order by job_id desc limit $2) a
  cross join lateral (select queue from jobtrail.jobs j where j.workspace_id = $1 and j.id = a.job_id limit 1) j
)
select n.queue, d.depth, j.queued_at as oldest_queued_at,
  (select count(*) from open o where o.queue = n.queue) as running,
  (select count(*) from live l where n.queue = any (l.queues)) as workers,
  (select coalesce(sum(l.slots), 0) from live l where n.queue = any (l.queues)) as slots,
  (select count(*) from open o join live l on l.id = o.worker_id where n.queue = any (l.queues)) as busy,
  m.minutes, w.wait_p50_ms, w.wait_p95_ms, p.paused_at, p.paused_by, p.paused_reason
from named n
cross join lateral (
  select count(*) as depth, min(job_id::text)::uuid as oldest
  from (select job_id from jobtrail.ready r where r.workspace_id = $1 and r.queue = n.queue limit $2) capped
) d
left join lateral (select queued_at from jobtrail.jobs j where j.workspace_id = $1 and j.id = d.oldest limit 1) j on true
cross join lateral (
  select jsonb_object_agg(floor(extract(epoch from s.at - $3::timestamptz) / 60),
    jsonb_build_array(s.jobs_in, s.jobs_out, s.failures)) as minutes
  from jobtrail.queue_stats s where s.workspace_id = $1 and s.queue = n.queue and s.at > $3
) m
left join lateral (
  select s.wait_p50_ms, s.wait_p95_ms from jobtrail.queue_stats s
  where s.workspace_id = $1 and s.queue = n.queue and s.at > $3 and s.wait_p95_ms is not null order by s.at desc limit 1
) w on true
left join jobtrail.queues p on p.workspace_id = $1 and p.name = n.queue
order by n.queue limit 1000
