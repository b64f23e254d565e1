-- Forgets the waits of jobs that wait for a budget, or ask for more of it, no more.
delete from jobtrail.budget_waits w
where not exists (select from jobtrail.jobs j where j.workspace_id = w.workspace_id and j.id = w.job_id
  and j.status = 'PENDING' and j.wait_reason in ('BUDGET', 'GATE') and j.attempt_id = w.attempt_id)
