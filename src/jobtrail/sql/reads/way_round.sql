-- How one that is needed ($3) waits, itself or by others, for a job ($2) or for one of those above it: the first way found.
with recursive above (id, depth) as (
  select $2::uuid, 0
  union all
  select j.parent_id, a.depth + 1 from above a join jobtrail.jobs j on j.workspace_id = $1 and j.id = a.id
  where j.parent_id is not null and a.depth < 1000
), way (id, path) as (
  select n.id, array[n.id] from unnest($3::uuid[]) as n (id)
  union
  select d.needs_id, w.path || d.needs_id from way w join jobtrail.dependencies d on d.workspace_id = $1 and d.job_id = w.id
  where d.met_at is null and d.needs_id <> all (w.path) and cardinality(w.path) < 100
    and w.id <> all (array(select id from above))
)
select path from way where id = any (array(select id from above)) limit 1
