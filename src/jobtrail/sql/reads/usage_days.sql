-- What was used on each day in UTC of [$2, $3), by model: the $4 dearest models, all others together as the model null.
with days as (
  select (at at time zone 'UTC')::date as day, model, count(*) as calls, sum(cost_usd) as cost_usd,
    count(*) filter (where cost_usd is null) as unpriced_calls
  from jobtrail.usage where workspace_id = $1 and at >= $2 and at < $3 group by 1, 2
), dearest as (
  select model from days group by model order by sum(cost_usd) desc nulls last, sum(calls) desc, model limit $4
)
select to_char(d.day, 'YYYY-MM-DD') as day, case when m.model is not null then d.model end as model,
  sum(d.calls)::int8 as calls, trim_scale(sum(d.cost_usd)) as cost_usd, sum(d.unpriced_calls)::int8 as unpriced_calls
from days d left join dearest m on m.model = d.model
group by d.day, 2 order by d.day, 2 nulls last
