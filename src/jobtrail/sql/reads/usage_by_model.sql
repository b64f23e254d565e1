-- What was used in [$2, $3), summed by model ($4 MODEL), provider (PROVIDER), day in UTC (DAY), job (JOB), task (TASK) or
-- project (PROJECT); the dearest first. The key of jobs without a task or project is empty.
select coalesce(case $4::text when 'MODEL' then model when 'PROVIDER' then provider
    when 'DAY' then to_char(at at time zone 'UTC', 'YYYY-MM-DD') when 'JOB' then job_id::text
    when 'TASK' then task_id::text else project_id::text end, '') as key,
  count(*) as calls, sum(input_tokens)::int8 as input_tokens, sum(output_tokens)::int8 as output_tokens,
  sum(cached_tokens)::int8 as cached_tokens, sum(reasoning_tokens)::int8 as reasoning_tokens,
  trim_scale(sum(cost_usd)) as cost_usd, count(*) filter (where cost_usd is null) as unpriced_calls
from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3
group by 1 order by sum(cost_usd) desc nulls last, 2 desc, 1 limit $5
