-- Gives jobs that were accepted just now the budgets that the job $3 was accepted with: those that come after it have as much.
insert into jobtrail.budgets (workspace_id, id, scope, subject, job_id, wide, limit_usd, limit_tokens, limit_seconds, warn_at,
  on_exceeded, created_by)
select $1, gen_random_uuid(), b.scope, j.id::text, j.id, false, b.limit_usd, b.limit_tokens, b.limit_seconds, b.warn_at,
  b.on_exceeded, j.created_by
from jobtrail.jobs j join jobtrail.budgets b on b.workspace_id = $1 and b.job_id = $3 and not b.wide
where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.budgeted
on conflict do nothing
