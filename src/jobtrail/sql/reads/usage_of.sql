-- What the job ($2 JOB), the task (TASK) or the project (PROJECT) $3 used, all attempts together.
select count(*) as calls, coalesce(sum(input_tokens), 0)::int8 as input_tokens,
  coalesce(sum(output_tokens), 0)::int8 as output_tokens, coalesce(sum(cached_tokens), 0)::int8 as cached_tokens,
  coalesce(sum(reasoning_tokens), 0)::int8 as reasoning_tokens, trim_scale(sum(cost_usd)) as cost_usd,
  count(*) filter (where cost_usd is null) as unpriced_calls
from (
  select input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd from jobtrail.usage
  where $2::text = 'JOB' and workspace_id = $1 and job_id = $3
  union all
  select input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd from jobtrail.usage
  where $2 = 'TASK' and workspace_id = $1 and task_id = $3
  union all
  select input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd from jobtrail.usage
  where $2 = 'PROJECT' and workspace_id = $1 and project_id = $3
) u
