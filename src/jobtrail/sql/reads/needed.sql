-- Which of some jobs are there; and of those that are not, which retention removed.
select n.id, exists (select from jobtrail.jobs j where j.workspace_id = $1 and j.id = n.id) as there,
  exists (select from jobtrail.tombstones t where t.workspace_id = $1 and t.job_id = n.id) as removed
from unnest($2::uuid[]) as n (id)
