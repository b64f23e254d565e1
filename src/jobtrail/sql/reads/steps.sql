-- The steps of a job in their order.
select id, job_id, attempt_id, ordinal, key, name, phase::text, type::text, status::text, output, tokens_input,
  tokens_output, trim_scale(cost_usd) as cost_usd, error_message, started_at, completed_at, duration_ms
from jobtrail.steps where workspace_id = $1 and job_id = $2 order by ordinal
