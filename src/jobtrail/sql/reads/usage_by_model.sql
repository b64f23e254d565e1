-- What was used in [$2, $3), summed by model ($4 MODEL), provider (PROVIDER) or day in UTC (DAY); the dearest first.
select coalesce(case $4::text when 'MODEL' then model when 'PROVIDER' then provider
    else to_char(at at time zone 'UTC', 'YYYY-MM-DD') end, '') as key,
  count(*) as calls, sum(input_tokens)::int8 as input_tokens, sum(output_tokens)::int8 as output_tokens,
  sum(cached_tokens)::int8 as cached_tokens, sum(reasoning_tokens)::int8 as reasoning_tokens,
  sum(cost_usd) as cost_usd, count(*) filter (where cost_usd is null) as calls_of_unknown_cost
from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3
group by 1 order by sum(cost_usd) desc nulls last, 2 desc, 1 limit $5
