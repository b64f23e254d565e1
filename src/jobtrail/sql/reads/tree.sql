-- A job ($2) and up to $3 jobs below it, level by level, each with the number of its children and what it cost by itself.
with recursive below (id, parent_id, depth) as (
  select j.id, j.parent_id, 0 from jobtrail.jobs j where j.workspace_id = $1 and j.id = $2
  union all
  select k.id, k.parent_id, b.depth + 1 from below b join jobtrail.jobs k on k.workspace_id = $1 and k.parent_id = b.id
  where b.depth < 100
), shown as materialized (
  select id, depth from (select id, depth from below limit 10001) found order by depth, id limit $3 + 1
)
select j.id, j.parent_id, s.depth, j.type, j.title, j.status::text, j.wait_reason::text, j.queue, j.created_at, j.started_at,
  j.completed_at,
  (select count(*) from (select from jobtrail.jobs k where k.workspace_id = $1 and k.parent_id = j.id limit 10001) c) as children,
  u.cost_usd, u.unpriced_calls
from shown s join jobtrail.jobs j on j.workspace_id = $1 and j.id = s.id
cross join lateral (
  select sum(one.cost_usd) as cost_usd, count(*) filter (where one.cost_usd is null) as unpriced_calls
  from jobtrail.usage one where one.workspace_id = $1 and one.job_id = j.id
) u
where j.workspace_id = $1
order by s.depth, j.id
