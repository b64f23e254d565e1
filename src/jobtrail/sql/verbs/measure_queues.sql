-- One row a queue for the minute that ended at $1: depth now, and what went in, out and wrong in that minute. Of a job that
-- has come to its queue again since it started, nobody knows any more how long it had waited.
with recent as materialized (
  select workspace_id, job_id, status, type, at from jobtrail.events
  where at >= $1::timestamptz - interval '1 minute' and at < $1 and type like 'job.%'
)
insert into jobtrail.queue_stats (workspace_id, queue, at, depth, oldest_age_seconds, jobs_in, jobs_out, failures,
  wait_p50_ms, wait_p95_ms)
select coalesce(d.workspace_id, m.workspace_id), coalesce(d.queue, m.queue), $1::timestamptz, coalesce(d.depth, 0),
  coalesce(extract(epoch from $1 - d.oldest), 0), coalesce(m.jobs_in, 0), coalesce(m.jobs_out, 0),
  coalesce(m.failures, 0), m.p50, m.p95
from (
  select r.workspace_id, r.queue, count(*) depth, min(j.queued_at) oldest
  from jobtrail.ready r join jobtrail.jobs j on j.workspace_id = r.workspace_id and j.id = r.job_id group by 1, 2
) d
full join (
  select j.workspace_id, j.queue, count(*) filter (where e.status = 'QUEUED') jobs_in,
    count(*) filter (where e.type = 'job.completed') jobs_out, count(*) filter (where e.type = 'job.failed') failures,
    percentile_cont(0.5) within group (order by extract(epoch from e.at - j.queued_at) * 1000)
      filter (where e.type = 'job.started' and e.at >= j.queued_at) p50,
    percentile_cont(0.95) within group (order by extract(epoch from e.at - j.queued_at) * 1000)
      filter (where e.type = 'job.started' and e.at >= j.queued_at) p95
  from recent e join jobtrail.jobs j on j.workspace_id = e.workspace_id and j.id = e.job_id
  where j.workspace_id = any (array(select workspace_id from recent))
    and j.id = any (array(select job_id from recent)) group by 1, 2
) m on m.workspace_id = d.workspace_id and m.queue = d.queue
on conflict do nothing
