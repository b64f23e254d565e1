-- Values of one metric measured in [$4, $5), the newest first; of one job, where $6 names it.
select at, metric_type, metric_name, value, unit, job_id, attempt_id, worker_id, queue, tags
from jobtrail.metrics
where workspace_id = $1 and metric_type = $2 and metric_name = $3 and at >= $4 and at < $5
  and ($6::uuid is null or job_id = $6)
order by at desc limit $7
