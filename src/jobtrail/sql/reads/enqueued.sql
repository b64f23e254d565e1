-- Which job stands for each wanted one: itself, or the one that holds its unique key.
select wanted.id, j.id
from unnest($2::uuid[], $3::text[]) as wanted (id, unique_key)
join jobtrail.jobs j on j.workspace_id = $1 and (j.id = wanted.id or j.unique_hold = wanted.unique_key)
order by j.id = wanted.id
