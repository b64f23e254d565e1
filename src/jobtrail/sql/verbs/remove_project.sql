-- Removes an empty project; answers whether it is gone and what is in it. `hold_project` comes before.
with holds as materialized (
  select exists (select from jobtrail.jobs where workspace_id = $1 and project_id = $2) as jobs,
    exists (select from jobtrail.tasks where workspace_id = $1 and project_id = $2) as tasks
), gone as (
  delete from jobtrail.projects p using holds h
  where p.workspace_id = $1 and p.id = $2 and not h.jobs and not h.tasks
  returning p.id
)
select exists (select from gone) as gone, jobs, tasks from holds
