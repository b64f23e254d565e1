-- What the job needs that asks for more of a budget at a gate which waits; no row: none does.
select j.id, w.usd, w.tokens
from jobtrail.budgets b
join jobtrail.gates g on g.workspace_id = $1 and g.id = b.gate_id and g.status = 'WAITING'
join jobtrail.budget_waits w on w.workspace_id = $1 and w.job_id = g.job_id and w.budget_id = b.id
join jobtrail.jobs j on j.workspace_id = $1 and j.id = w.job_id and j.attempt_id = w.attempt_id
where b.workspace_id = $1 and b.id = $2
