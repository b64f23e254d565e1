-- What calls of [$2, $3) cost for nothing, and what was not paid again: `saved` are calls of steps that completed in an attempt
-- after which another one came; `wasted` all others in attempts that failed, timed out, were lost or were interrupted (not
-- those that ended to wait for something).
select trim_scale(sum(cost_usd) filter (where wasted)) as wasted_usd, count(*) filter (where wasted and cost_usd is null) as wasted_unpriced,
  trim_scale(sum(cost_usd) filter (where saved)) as saved_usd, count(*) filter (where saved and cost_usd is null) as saved_unpriced
from (
  select u.cost_usd, k.kept as saved, not k.kept and (a.status in ('FAILED', 'LOST', 'TIMED_OUT')
    or a.status = 'INTERRUPTED' and a.error_code is not distinct from 'interrupted') as wasted
  from jobtrail.usage u
  cross join lateral (select status, error_code, number from jobtrail.attempts a where a.workspace_id = $1
    and a.job_id = u.job_id and a.id = u.attempt_id limit 1) a
  cross join lateral (select u.step_id is not null and exists (select from jobtrail.steps s where s.workspace_id = $1 and s.job_id = u.job_id
      and s.id = u.step_id and s.attempt_id = u.attempt_id and s.status = 'COMPLETED')
    and exists (select from jobtrail.attempts n where n.workspace_id = $1 and n.job_id = u.job_id and n.number > a.number) as kept
    offset 0) k
  where u.workspace_id = $1 and u.at >= $2::timestamptz and u.at < $3
) v
