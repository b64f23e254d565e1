-- What was used in [$2, $3), summed by type ($4 TYPE) or queue (QUEUE) of the job; the dearest first.
select case $4::text when 'TYPE' then j.type else j.queue end as key,
  count(*) as calls, sum(u.input_tokens)::int8 as input_tokens, sum(u.output_tokens)::int8 as output_tokens,
  sum(u.cached_tokens)::int8 as cached_tokens, sum(u.reasoning_tokens)::int8 as reasoning_tokens,
  trim_scale(sum(u.cost_usd)) as cost_usd, count(*) filter (where u.cost_usd is null) as unpriced_calls
from jobtrail.usage u cross join lateral (
  select * from jobtrail.jobs j where j.workspace_id = $1 and j.id = u.job_id limit 1) j
where u.workspace_id = $1 and u.at >= $2 and u.at < $3
group by 1 order by sum(u.cost_usd) desc nulls last, 2 desc, 1 limit $5
