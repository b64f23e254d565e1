-- The voices of those who enqueued the jobs that ask at the gates $2, and the jobs at the head of their trees.
select distinct g.id as gate_id, coalesce('user:' || lower(u.email), lower(o.created_by)) as voice
from jobtrail.gates g
cross join lateral (select j.id, j.root_id from jobtrail.jobs j where j.workspace_id = $1 and j.id = g.job_id limit 1) asks
cross join lateral (select j.created_by from jobtrail.jobs j
  where j.workspace_id = $1 and j.id = any (array[asks.id, asks.root_id]) limit 2) o
left join jobtrail.api_keys k on k.workspace_id = $1 and o.created_by = 'api_key:' || k.id
left join jobtrail.users u on u.id = k.user_id
where g.workspace_id = $1 and g.id = any ($2::uuid[]) and o.created_by is not null
