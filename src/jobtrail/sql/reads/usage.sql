-- What a job used, call by call.
select job_id, attempt_id, number, step_id, provider, model, input_tokens, output_tokens, cached_tokens,
  reasoning_tokens, trim_scale(cost_usd) as cost_usd, price_source, at
from jobtrail.usage where workspace_id = $1 and job_id = $2 order by at, number
