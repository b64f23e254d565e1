-- The $4 jobs that used most money in [$2, $3), the dearest first.
select j.id, j.type, j.queue, j.status::text, j.title, u.calls, u.cost_usd, u.unpriced_calls, u.input_tokens, u.output_tokens,
  j.created_at
from (
  select job_id, count(*) as calls, trim_scale(sum(cost_usd)) as cost_usd,
    count(*) filter (where cost_usd is null) as unpriced_calls, sum(input_tokens)::int8 as input_tokens,
    sum(output_tokens)::int8 as output_tokens
  from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3
  group by job_id having sum(cost_usd) > 0 order by sum(cost_usd) desc, job_id limit $4
) u
cross join lateral (select * from jobtrail.jobs j where j.workspace_id = $1 and j.id = u.job_id limit 1) j
order by u.cost_usd desc, j.id
