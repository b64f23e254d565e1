-- Which workspaces after $2 have ready jobs in a queue, up to $3: with their weights, whether limits, or jobs that have a key
-- or want several slots, are to be looked at with them, and whether they or their queue are paused.
with recursive found (workspace_id, n) as (
  (select r.workspace_id, 1 from jobtrail.ready r where r.queue = $1 and r.workspace_id > $2
    order by r.workspace_id limit 1)
  union all
  select (select r.workspace_id from jobtrail.ready r where r.queue = $1 and r.workspace_id > f.workspace_id
    order by r.workspace_id limit 1), f.n + 1
  from found f where f.workspace_id is not null and f.n < $3
)
select f.workspace_id, coalesce(w.weight, 1)::int4 as weight,
  exists (select from jobtrail.limits l where l.workspace_id = f.workspace_id
    and (l.scope in ('TYPE', 'WORKSPACE') or (l.scope = 'QUEUE' and l.name = $1)))
  or exists (select from jobtrail.ready r where r.queue = $1 and r.workspace_id = f.workspace_id and r.strand > '') as limited,
  coalesce(w.paused_at is not null, false)
  or exists (select from jobtrail.queues q where q.workspace_id = f.workspace_id and q.name = $1 and q.paused_at is not null) as closed
from found f left join jobtrail.workspaces w on w.id = f.workspace_id
where f.workspace_id is not null
order by f.workspace_id
