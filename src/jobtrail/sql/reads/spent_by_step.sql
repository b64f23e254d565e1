-- What each step of a job used until $3 (null: until now), all attempts together; a step of null is the job's own code.
select step_id, count(*) as calls, coalesce(sum(input_tokens), 0)::int8 as input_tokens,
  coalesce(sum(output_tokens), 0)::int8 as output_tokens, coalesce(sum(cached_tokens), 0)::int8 as cached_tokens,
  coalesce(sum(reasoning_tokens), 0)::int8 as reasoning_tokens, trim_scale(sum(cost_usd)) as cost_usd,
  count(*) filter (where cost_usd is null) as unpriced_calls
from jobtrail.usage
where workspace_id = $1 and job_id = $2 and ($3::timestamptz is null or at <= $3) group by step_id
