-- Forgets the waits of jobs that wait for a budget, or ask for more of it, no more.
-- A job that begins to wait anew at this moment names another attempt in its row, which then stays.
with over as materialized (
  select w.workspace_id, w.job_id, w.attempt_id from jobtrail.budget_waits w
  where not exists (select from jobtrail.jobs j where j.workspace_id = w.workspace_id and j.id = w.job_id
    and j.status = 'PENDING' and j.wait_reason in ('BUDGET', 'GATE') and j.attempt_id = w.attempt_id)
)
delete from jobtrail.budget_waits w using over o
where w.workspace_id = o.workspace_id and w.job_id = o.job_id and w.attempt_id = o.attempt_id
