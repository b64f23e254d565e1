-- Takes the job of an attempt that is to reserve of budgets; tells what it reserves, and which of its questions for more
-- were decided. No row: the attempt is stale.
select j.reserve_usd, j.reserve_tokens, j.cancel_requested_at is not null as cancel,
  array(select s.id from jobtrail.steps s join jobtrail.gates g on g.workspace_id = s.workspace_id and g.step_id = s.id
    where s.workspace_id = $1 and s.job_id = $2 and s.type = 'GATE' and s.status = 'RUNNING' and s.key like 'budget:%'
      and g.status = 'APPROVED') as passed,
  array(select s.id from jobtrail.steps s join jobtrail.gates g on g.workspace_id = s.workspace_id and g.step_id = s.id
    where s.workspace_id = $1 and s.job_id = $2 and s.type = 'GATE' and s.status = 'RUNNING' and s.key like 'budget:%'
      and g.status in ('REJECTED', 'EXPIRED')) as failed
from jobtrail.jobs j
where j.workspace_id = $1 and j.id = $2 and j.attempt_id = $3 and j.status = 'RUNNING' for update of j
