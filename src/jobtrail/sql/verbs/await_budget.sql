-- Writes for which budget a job that has just begun to wait does so, and how much it needs.
insert into jobtrail.budget_waits (workspace_id, job_id, attempt_id, budget_id, usd, tokens) values ($1, $2, $3, $4, $5, $6)
on conflict (workspace_id, job_id) do update set attempt_id = excluded.attempt_id, budget_id = excluded.budget_id,
  usd = excluded.usd, tokens = excluded.tokens
