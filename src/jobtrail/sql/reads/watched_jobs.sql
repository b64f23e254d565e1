-- How the jobs that somebody watches stand. Arrays run side by side.
select j.workspace_id, j.id as job_id, j.version, j.status::text, j.generation, j.progress, j.stage, j.attempt_id
from jobtrail.jobs j join unnest($1::uuid[], $2::uuid[]) as w (workspace_id, id)
  on j.workspace_id = w.workspace_id and j.id = w.id
where j.workspace_id = any ($1::uuid[]) and j.id = any ($2::uuid[])
