-- Lets a new budget begin with what its scope has used in the period that runs, and hold the attempts that are open.
with b as materialized (
  select *, jobtrail.period_start(period) as began from jobtrail.budgets where workspace_id = $1 and id = $2
), opened as materialized (
  select a.job_id, a.id from b join jobtrail.attempts a on a.workspace_id = $1 and a.ended_at is null
  join jobtrail.jobs j on j.workspace_id = $1 and j.id = a.job_id
  where case b.scope when 'WORKSPACE' then true when 'TYPE' then j.type = b.subject when 'QUEUE' then j.queue = b.subject
    when 'ATTEMPT' then j.id = b.job_id when 'TREE' then j.id = b.job_id or j.root_id = b.job_id
    when 'SCHEDULE' then j.schedule_id::text = b.subject when 'TASK' then j.task_id::text = b.subject
    else j.project_id::text = b.subject end
), kept as (
  insert into jobtrail.budget_holds (workspace_id, budget_id, attempt_id, job_id) select $1, $2, id, job_id from opened
), spent as (
  select coalesce(sum(u.cost_usd), 0) as usd,
    coalesce(sum(u.input_tokens + u.output_tokens + u.cached_tokens), 0)::int8 as tokens
  from b join jobtrail.usage u on u.workspace_id = $1 and u.at >= b.began
  join jobtrail.jobs j on j.workspace_id = $1 and j.id = u.job_id
  where b.scope <> 'ATTEMPT' and not exists (select from opened o where o.job_id = u.job_id and o.id = u.attempt_id)
    and case b.scope when 'WORKSPACE' then true when 'TYPE' then j.type = b.subject when 'QUEUE' then j.queue = b.subject
    when 'TREE' then j.id = b.job_id or j.root_id = b.job_id
    when 'SCHEDULE' then j.schedule_id::text = b.subject when 'TASK' then j.task_id::text = b.subject
    else j.project_id::text = b.subject end
)
update jobtrail.budgets x set settled_usd = spent.usd, settled_tokens = spent.tokens
from spent where x.workspace_id = $1 and x.id = $2
