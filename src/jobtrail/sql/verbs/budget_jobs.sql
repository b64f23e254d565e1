-- Gives jobs that were accepted just now a budget each; those of $2 that are not there, or have theirs, are left out.
insert into jobtrail.budgets (workspace_id, id, scope, subject, job_id, wide, limit_usd, limit_tokens, limit_seconds, warn_at,
  on_exceeded, created_by)
select $1, wanted.budget_id, $4::text::jobtrail.budget_scope, j.id::text, j.id, false, $5, $6, $7, $8,
  $9::text::jobtrail.budget_policy, j.created_by
from unnest($2::uuid[], $3::uuid[]) as wanted (job_id, budget_id)
join jobtrail.jobs j on j.workspace_id = $1 and j.id = wanted.job_id
where j.workspace_id = $1 and j.id = any ($2::uuid[]) and j.budgeted
on conflict do nothing
