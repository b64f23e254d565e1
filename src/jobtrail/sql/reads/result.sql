-- The result of the newest generation of a job, with what all its attempts used; the cost is null where one is unknown.
select r.job_id, r.generation, r.status::text, r.summary, r.output, r.execution_time_ms,
  coalesce(r.tokens_used, u.tokens) as tokens_used, trim_scale(coalesce(r.cost_usd, u.cost)) as cost_usd, r.created_at
from (
  select * from jobtrail.results where workspace_id = $1 and job_id = $2 order by generation desc limit 1
) r
cross join lateral (
  select sum(input_tokens + output_tokens)::int8 as tokens, case when count(*) = count(cost_usd) then sum(cost_usd) end as cost
  from jobtrail.usage where workspace_id = $1 and job_id = $2
) u
