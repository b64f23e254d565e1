-- What the jobs of each type used in [$2, $3): all together, and the known costs of its jobs at half and at 95 of 100.
with job as (
  select job_id, count(*) as calls, sum(cost_usd) as cost_usd, count(*) filter (where cost_usd is null) as unpriced_calls,
    sum(input_tokens)::int8 as input_tokens, sum(output_tokens)::int8 as output_tokens
  from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3 group by job_id
)
select j.type as key, count(*) as jobs, sum(u.calls)::int8 as calls, trim_scale(sum(u.cost_usd)) as cost_usd,
  sum(u.unpriced_calls)::int8 as unpriced_calls, sum(u.input_tokens)::int8 as input_tokens,
  sum(u.output_tokens)::int8 as output_tokens,
  trim_scale(percentile_disc(0.5) within group (order by u.cost_usd)) as p50_usd,
  trim_scale(percentile_disc(0.95) within group (order by u.cost_usd)) as p95_usd
from job u cross join lateral (select type from jobtrail.jobs j where j.workspace_id = $1 and j.id = u.job_id limit 1) j
group by j.type order by sum(u.cost_usd) desc nulls last, 2 desc, 1 limit $4
