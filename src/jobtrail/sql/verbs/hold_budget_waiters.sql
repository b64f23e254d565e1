-- Takes the jobs that wait for a budget, those of the highest priority first, and tells what each needs. Others may hold
-- some; those are left for the next time.
select j.id, w.usd, w.tokens
from jobtrail.budget_waits w join jobtrail.jobs j on j.workspace_id = w.workspace_id and j.id = w.job_id
where w.workspace_id = $1 and w.budget_id = $2 and j.workspace_id = $1 and j.status = 'PENDING'
  and j.wait_reason = 'BUDGET' and j.attempt_id = w.attempt_id
order by j.priority desc, j.id limit $3
for update of j skip locked
