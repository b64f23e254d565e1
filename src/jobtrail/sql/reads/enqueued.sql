-- Which job stands for each wanted one: the one that holds its unique key, or (later rows win) itself.
with wanted as materialized (
  select * from unnest($2::uuid[], $3::text[]) as w (id, unique_key)
)
select w.id as wanted_id, j.id
from wanted w join jobtrail.jobs j on j.workspace_id = $1 and j.unique_hold = w.unique_key
where j.unique_hold = any ($3::text[])
union all
select j.id, j.id from jobtrail.jobs j where j.workspace_id = $1 and j.id = any ($2::uuid[])
