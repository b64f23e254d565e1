-- Holds the jobs that wait for some that ended ($1, $2); those that somebody else holds are left out.
select j.workspace_id, j.id from jobtrail.jobs j
where j.workspace_id = any ($1::uuid[]) and j.id = any (array(
  select d.job_id from jobtrail.dependencies d
  where d.workspace_id = any ($1::uuid[]) and d.needs_id = any ($2::uuid[]) and d.met_at is null))
  and exists (select from jobtrail.dependencies d where d.workspace_id = j.workspace_id and d.job_id = j.id and d.met_at is null
    and (d.workspace_id, d.needs_id) in (select * from unnest($1::uuid[], $2::uuid[])))  -- ids are unique in a workspace only
order by j.id for update of j skip locked
