-- What was used in [$2, $3), summed by type ($4 TYPE), queue (QUEUE) or tag (TAG) of the job; the dearest first. A job counts
-- for each of its tags; the key of jobs without any is empty.
select k.key, sum(u.calls)::int8 as calls, sum(u.input_tokens)::int8 as input_tokens,
  sum(u.output_tokens)::int8 as output_tokens, sum(u.cached_tokens)::int8 as cached_tokens,
  sum(u.reasoning_tokens)::int8 as reasoning_tokens, trim_scale(sum(u.cost_usd)) as cost_usd,
  sum(u.unpriced_calls)::int8 as unpriced_calls
from (
  select job_id, count(*) as calls, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(cached_tokens) as cached_tokens, sum(reasoning_tokens) as reasoning_tokens, sum(cost_usd) as cost_usd,
    count(*) filter (where cost_usd is null) as unpriced_calls
  from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3 group by job_id
) u
cross join lateral (select * from jobtrail.jobs j where j.workspace_id = $1 and j.id = u.job_id limit 1) j
cross join lateral unnest(case when $4::text = 'TYPE' then array[j.type] when $4 = 'QUEUE' then array[j.queue]
  when j.tags = '{}' then array[''] else j.tags end) as k (key)
group by 1 order by sum(u.cost_usd) desc nulls last, 2 desc, 1 limit $5
