-- Which job stands for each wanted one: the one that holds its unique key, or (later rows win) itself; `overdue`: it may no longer hold it.
with wanted as materialized (
  select * from unnest($2::uuid[], $3::text[]) as w (id, unique_key)
)
select w.id as wanted_id, j.id, j.status::text as status, j.wait_reason::text as wait_reason,
  coalesce(j.unique_until <= jobtrail.clock(), false) as overdue
from wanted w join jobtrail.jobs j on j.workspace_id = $1 and j.unique_hold = w.unique_key
where j.unique_hold = any ($3::text[])
union all
select j.id, j.id, j.status::text, j.wait_reason::text, false from jobtrail.jobs j where j.workspace_id = $1 and j.id = any ($2::uuid[])
