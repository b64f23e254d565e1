-- On how many jobs a job depends, and how.
select (select count(*) from jobtrail.dependencies d where d.workspace_id = $1 and d.job_id = $2 and d.step_id is null) as needs,
  j.depends_mode::text as mode, j.on_dependency::text as policy
from jobtrail.jobs j where j.workspace_id = $1 and j.id = $2
