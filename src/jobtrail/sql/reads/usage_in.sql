-- What was used in [$2, $3), all together.
select count(*) as calls, coalesce(sum(input_tokens), 0)::int8 as input_tokens,
  coalesce(sum(output_tokens), 0)::int8 as output_tokens, coalesce(sum(cached_tokens), 0)::int8 as cached_tokens,
  coalesce(sum(reasoning_tokens), 0)::int8 as reasoning_tokens, trim_scale(sum(cost_usd)) as cost_usd,
  count(*) filter (where cost_usd is null) as unpriced_calls
from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3
