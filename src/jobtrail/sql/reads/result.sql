-- The result of the newest generation of a job.
select job_id, generation, status::text, summary, output, execution_time_ms, tokens_used, cost_usd, created_at
from jobtrail.results where workspace_id = $1 and job_id = $2 order by generation desc limit 1
