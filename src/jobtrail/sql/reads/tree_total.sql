-- A job ($2) with all below it, up to $3 of them: how many there are at each end, and what they cost together.
with recursive below (id, depth) as (
  select j.id, 0 from jobtrail.jobs j where j.workspace_id = $1 and j.id = $2
  union all
  select k.id, b.depth + 1 from below b join jobtrail.jobs k on k.workspace_id = $1 and k.parent_id = b.id where b.depth < 100
), counted as materialized (
  select id from below limit $3 + 1
)
select count(*) as jobs, count(*) filter (where j.status = 'COMPLETED') as completed,
  count(*) filter (where j.status = 'FAILED') as failed, count(*) filter (where j.status = 'CANCELLED') as cancelled,
  sum(u.cost_usd) as cost_usd, coalesce(sum(u.unpriced), 0)::bigint as unpriced_calls, count(*) > $3 as capped
from counted c join jobtrail.jobs j on j.workspace_id = $1 and j.id = c.id
cross join lateral (
  select sum(one.cost_usd) as cost_usd, count(*) filter (where one.cost_usd is null) as unpriced
  from jobtrail.usage one where one.workspace_id = $1 and one.job_id = j.id
) u
where j.workspace_id = $1
having count(*) > 0
