-- Notes how the jobs ended ($1, $2, $3) that those which are held ($4) wait for; answers which others still wait for them.
with ended as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::text[]) as e (workspace_id, needs_id, met_as)
), met as (
  update jobtrail.dependencies d set met_at = jobtrail.clock(), met_as = e.met_as::jobtrail.job_status
  from ended e
  where d.workspace_id = any ($1::uuid[]) and d.needs_id = any ($2::uuid[]) and d.job_id = any ($4::uuid[])
    and d.workspace_id = e.workspace_id and d.needs_id = e.needs_id and d.met_at is null
)
select distinct d.workspace_id, d.needs_id from jobtrail.dependencies d
where d.workspace_id = any ($1::uuid[]) and d.needs_id = any ($2::uuid[]) and d.met_at is null
  and d.job_id <> all (coalesce($4::uuid[], '{}'))
