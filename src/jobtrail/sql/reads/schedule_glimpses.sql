-- How the newest $3 ticks of each of some schedules went, oldest first.
select s.id as schedule_id, t.at, t.job_id, coalesce(t.status::text, t.outcome::text) as went
from unnest($2::uuid[]) as s (id) cross join lateral (
  select k.at, k.job_id, k.outcome, j.status from jobtrail.schedule_ticks k
  left join jobtrail.jobs j on j.workspace_id = k.workspace_id and j.id = k.job_id
  where k.workspace_id = $1 and k.schedule_id = s.id order by k.at desc limit $3
) t order by s.id, t.at
