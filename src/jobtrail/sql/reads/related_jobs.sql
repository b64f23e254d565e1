-- The jobs that were rerun from a job ($2) or started by it, the newest first.
select id, type, title, status, created_at, is_rerun from (
  (select r.id, r.type, r.title, r.status::text as status, r.created_at, true as is_rerun from jobtrail.jobs r
    where r.workspace_id = $1 and r.rerun_of = $2 order by r.id desc limit $3)
  union all
  (select c.id, c.type, c.title, c.status::text, c.created_at, false from jobtrail.jobs c
    where c.workspace_id = $1 and c.parent_id = $2 and c.rerun_of is distinct from $2 order by c.id desc limit $3)
) found
order by id desc limit $3
