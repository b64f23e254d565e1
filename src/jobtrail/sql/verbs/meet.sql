-- Notes how the jobs ended ($1, $2, $3) that those which are held ($4, $5) wait for; answers which others still wait for them.
with ended as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::text[]) as e (workspace_id, needs_id, met_as)
), held as materialized (  -- ids are unique in a workspace only
  select * from unnest($4::uuid[], $5::uuid[]) as h (workspace_id, job_id)
), met as (
  update jobtrail.dependencies d set met_at = jobtrail.clock(), met_as = e.met_as::jobtrail.job_status
  from ended e
  where d.workspace_id = any ($1::uuid[]) and d.needs_id = any ($2::uuid[]) and d.job_id = any ($5::uuid[])
    and d.workspace_id = e.workspace_id and d.needs_id = e.needs_id and d.met_at is null
    and (d.workspace_id, d.job_id) in (select workspace_id, job_id from held)
)
select distinct d.workspace_id, d.needs_id from jobtrail.dependencies d
where d.workspace_id = any ($1::uuid[]) and d.needs_id = any ($2::uuid[]) and d.met_at is null
  and (d.workspace_id, d.needs_id) in (select workspace_id, needs_id from ended)
  and not exists (select from held h where h.workspace_id = d.workspace_id and h.job_id = d.job_id)
