-- The newest $2 running jobs of a workspace, with their attempt, the worker that has it, and what they have cost so far.
select a.job_id as id, j.type, j.queue, j.title, j.stage, j.progress, a.number as attempt, a.id as attempt_id,
  a.started_at, j.cancel_requested_at, a.worker_id, w.name as worker, u.cost_usd, u.calls, u.unpriced_calls
from (select job_id, id, number, started_at, worker_id from jobtrail.attempts where workspace_id = $1 and ended_at is null
  order by job_id desc limit $2) a
cross join lateral (select * from jobtrail.jobs j where j.workspace_id = $1 and j.id = a.job_id limit 1) j
left join jobtrail.workers w on w.id = a.worker_id
cross join lateral (select trim_scale(sum(cost_usd)) as cost_usd, count(*) as calls,
  count(*) filter (where cost_usd is null) as unpriced_calls
  from jobtrail.usage u where u.workspace_id = $1 and u.job_id = a.job_id) u
order by a.job_id desc
