-- How far `jobs` looked in its places: the id of job number $5 of them all, newest first; no row: it saw them all.
select place from (
  (select j.id as place from jobtrail.jobs j
    where 'ANY' = any ($4::text[]) and j.workspace_id = $1 and j.id < $2 and j.id >= $3 order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'TYPE' = any ($4::text[]) and j.workspace_id = $1 and j.type = $6 and j.id < $2 and j.id >= $3
    order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'TASK' = any ($4::text[]) and j.workspace_id = $1 and j.task_id = $7 and j.id < $2 and j.id >= $3
    order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'PROJECT' = any ($4::text[]) and j.workspace_id = $1 and j.project_id = $8 and j.id < $2 and j.id >= $3
    order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'PARENT' = any ($4::text[]) and j.workspace_id = $1 and j.parent_id = $9 and j.id < $2 and j.id >= $3
    order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'ABORTED' = any ($4::text[]) and j.workspace_id = $1 and j.aborted_at is not null and j.id < $2 and j.id >= $3
    order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'ABORTED_TYPE' = any ($4::text[]) and j.workspace_id = $1 and j.type = $6 and j.aborted_at is not null
      and j.id < $2 and j.id >= $3 order by j.id desc limit $5)
  union all
  (select j.id from jobtrail.jobs j
    where 'PENDING' = any ($4::text[]) and j.workspace_id = $1 and j.wait_reason is not null and j.id < $2 and j.id >= $3
    order by j.id desc limit $5)
  union all
  (select distinct r.job_id from jobtrail.ready r
    where 'QUEUED' = any ($4::text[]) and r.workspace_id = $1 and r.job_id < $2 and r.job_id >= $3
    order by r.job_id desc limit $5)
  union all
  (select a.job_id from jobtrail.attempts a
    where 'RUNNING' = any ($4::text[]) and a.workspace_id = $1 and a.ended_at is null and a.job_id < $2
      and a.job_id >= $3 order by a.job_id desc limit $5)
) looked_at
order by place desc limit 1 offset $5::int8 - 1
