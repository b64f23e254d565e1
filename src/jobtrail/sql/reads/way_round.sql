-- How one that is needed ($3) waits, itself or by others, for a job ($2) or for one of those above it: one way, if there is any.
with recursive above (id, depth) as (
  select $2::uuid, 0
  union all
  select j.parent_id, a.depth + 1 from above a join jobtrail.jobs j on j.workspace_id = $1 and j.id = a.id
  where j.parent_id is not null and a.depth < 1000
), way (id, by_id) as (  -- each wait once, by however many ways it is reached
  select n.id, null::uuid from unnest($3::uuid[]) as n (id)
  union
  select d.needs_id, d.job_id from way w join jobtrail.dependencies d on d.workspace_id = $1 and d.job_id = w.id
  where d.met_at is null and w.id <> all (array(select id from above))
), seen as materialized (
  select id, by_id from way limit 100001
), back (id, path) as (
  (select s.id, array[s.id] from seen s where s.id = any (array(select id from above)) limit 1)
  union all
  select p.by_id, p.by_id || b.path from back b cross join lateral (
    select s.by_id from seen s where s.id = b.id order by s.by_id nulls first limit 1
  ) p
  where p.by_id is not null and cardinality(b.path) < 1000
)
select path from back order by cardinality(path) desc limit 1
