-- A job that was retried waits once more for those that it needs ($3), which were retried too.
with again as (
  update jobtrail.dependencies set met_at = null, met_as = null
  where workspace_id = $1 and job_id = $2 and needs_id = any ($3::uuid[]) and step_id is null
)
insert into jobtrail.settlements (workspace_id, job_id) select $1, id from unnest($3::uuid[]) as n (id)
