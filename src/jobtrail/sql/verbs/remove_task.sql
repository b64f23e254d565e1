-- Removes a task that nothing hangs on; answers whether it is gone and what hangs on it. `hold_task` comes before.
with hangs as materialized (
  select exists (select from jobtrail.jobs where workspace_id = $1 and task_id = $2) as jobs,
    exists (select from jobtrail.assets where workspace_id = $1 and source_task_id = $2) as assets
), gone as (
  delete from jobtrail.tasks t using hangs h
  where t.workspace_id = $1 and t.id = $2 and not h.jobs and not h.assets
  returning t.id
)
select exists (select from gone) as gone, jobs, assets from hangs
