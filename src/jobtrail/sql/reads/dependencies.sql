-- The jobs that a job ($2) waits for or waited for, and those that wait for it; those that still wait first.
select d.job_id, d.needs_id, o.type, o.title, o.status::text, d.step_id is not null as is_child, d.met_as::text, d.met_at
from (
  (select * from jobtrail.dependencies m where m.workspace_id = $1 and m.job_id = $2
    order by m.met_at is not null, m.needs_id limit $3)
  union all
  (select * from jobtrail.dependencies b where b.workspace_id = $1 and b.needs_id = $2
    order by b.met_at is not null, b.job_id limit $3)
) d
join jobtrail.jobs o on o.workspace_id = $1 and o.id = case when d.job_id = $2 then d.needs_id else d.job_id end
where o.workspace_id = $1
order by d.job_id <> $2, d.met_at is not null, d.place, d.needs_id, d.job_id
