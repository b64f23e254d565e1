-- Writes what an attempt, whose job and whose budgets are held, reserves of each of them.
insert into jobtrail.budget_holds (workspace_id, budget_id, attempt_id, job_id, usd, tokens)
select $1, wanted.budget_id, $3, $2, wanted.usd, wanted.tokens
from unnest($4::uuid[], $5::numeric[], $6::int8[]) as wanted (budget_id, usd, tokens)
on conflict (workspace_id, budget_id, attempt_id) do update set usd = excluded.usd, tokens = excluded.tokens
