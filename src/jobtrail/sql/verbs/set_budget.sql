-- Makes the budget of a scope, a subject and a period, or changes the one that there is; answers its id and whether it is
-- new. No row: what it is for is not there. What people were asked at the gate $13 is answered by it.
insert into jobtrail.budgets as b (workspace_id, id, scope, subject, period, limit_usd, limit_tokens, limit_seconds, warn_at,
  on_exceeded, job_id, period_at, created_by)
select $1, $2, w.scope, $4, w.period, $6, $7, $8, $9, $10::text::jobtrail.budget_policy,
  case when w.scope in ('ATTEMPT', 'TREE') then $11::uuid end, jobtrail.period_start(w.period), $12
from (select $3::text::jobtrail.budget_scope as scope, $5::text::jobtrail.budget_period as period) w
where case when w.scope in ('ATTEMPT', 'TREE')
    then exists (select from jobtrail.jobs j where j.workspace_id = $1 and j.id = $11)
  when w.scope = 'TASK' then exists (select from jobtrail.tasks t where t.workspace_id = $1 and t.id = $11)
  when w.scope = 'PROJECT' then exists (select from jobtrail.projects p where p.workspace_id = $1 and p.id = $11)
  else true end
on conflict (workspace_id, scope, subject, period) do update set limit_usd = excluded.limit_usd,
  limit_tokens = excluded.limit_tokens, limit_seconds = excluded.limit_seconds, warn_at = excluded.warn_at,
  on_exceeded = excluded.on_exceeded, gate_id = nullif(b.gate_id, $13), warned_at = null, exceeded_at = null, refused_at = null,
  updated_at = jobtrail.clock()
returning b.id, b.id = $2 as is_new
