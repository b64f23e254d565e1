-- How a queue stood in each minute of [$3, $4), the oldest first.
select at, depth, oldest_age_seconds, jobs_in, jobs_out, failures, wait_p50_ms, wait_p95_ms
from jobtrail.queue_stats
where workspace_id = $1 and queue = $2 and at >= $3 and at < $4
order by at limit $5
