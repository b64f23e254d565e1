-- The steps of a job in their order, without what they remember.
select id, job_id, attempt_id, ordinal, key, name, phase::text, type::text, status::text, null::jsonb as output,
  tokens_input, tokens_output, cost_usd, error_message, started_at, completed_at, duration_ms
from jobtrail.steps where workspace_id = $1 and job_id = $2 order by ordinal limit $3
