-- How a queue, or all queues of a workspace ($2 null) together, stood in parts of $5 seconds of [$3, $4), the oldest first.
-- Of the minutes of a part the highest depth, age and waits count; what went in, out and wrong is summed.
with recursive measured as (
  (select queue from jobtrail.queue_stats where workspace_id = $1 and ($2::text is null or queue = $2) order by queue limit 1)
  union all
  select (select s.queue from jobtrail.queue_stats s where s.workspace_id = $1 and s.queue > m.queue order by s.queue limit 1)
  from measured m where m.queue is not null and $2 is null
), minutes as (
  select s.at, sum(s.depth)::int8 as depth, max(s.oldest_age_seconds) as oldest_age_seconds, sum(s.jobs_in)::int8 as jobs_in,
    sum(s.jobs_out)::int8 as jobs_out, sum(s.failures)::int8 as failures, max(s.wait_p50_ms) as wait_p50_ms,
    max(s.wait_p95_ms) as wait_p95_ms
  from measured m cross join lateral (select * from jobtrail.queue_stats q where q.workspace_id = $1 and q.queue = m.queue
    and q.at > $3 and q.at <= $4 offset 0) s
  where m.queue is not null group by s.at
)
select $3::timestamptz + make_interval(secs => $5::int4 * floor(extract(epoch from at - interval '1 second' - $3) / $5)::float8) as at,
  max(depth) as depth, max(oldest_age_seconds) as oldest_age_seconds, sum(jobs_in)::int8 as jobs_in,
  sum(jobs_out)::int8 as jobs_out, sum(failures)::int8 as failures, max(wait_p50_ms) as wait_p50_ms,
  max(wait_p95_ms) as wait_p95_ms
from minutes group by 1 order by 1
