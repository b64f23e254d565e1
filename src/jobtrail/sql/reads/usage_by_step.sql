-- What a job used up to $3, summed by attempt, step and model, in the order of the first call.
select attempt_id, step_id, provider, model, count(*) as calls, sum(input_tokens)::int8 as input_tokens,
  sum(cached_tokens)::int8 as cached_tokens, sum(output_tokens)::int8 as output_tokens,
  sum(reasoning_tokens)::int8 as reasoning_tokens, trim_scale(sum(cost_usd)) as cost_usd,
  count(*) filter (where cost_usd is null) as unpriced_calls, min(price_source) as price_source
from jobtrail.usage where workspace_id = $1 and job_id = $2 and at <= $3
group by attempt_id, step_id, provider, model order by min(at), provider, model limit $4
