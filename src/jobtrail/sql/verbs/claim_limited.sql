-- Hands up to $5 ready jobs of a workspace's queue to a worker that has $6 of its $7 slots free, as the limits allow; the last
-- row, without a job, says in how many ms to ask again, and how many slots the next job waits for.
select (c.job).workspace_id, (c.job).id as job_id, (c.job).attempt_id, (c.job).attempt_count as number, (c.job).type,
  (c.job).input::text, (c.job).failure_count, (c.job).max_attempts, (c.job).generation, (c.job).timeout_seconds,
  (c.job).idle_timeout_seconds, (c.job).backoff_type::text, (c.job).backoff_delay_ms, (c.job).backoff_max_ms,
  (c.job).traceparent, (c.job).fork_of, (c.job).slots, 0::int8 as rank,
  (c.job).budgeted or exists (select from jobtrail.budgets where wide and workspace_id = $2) as budgeted,
  c.again_ms, c.wanted_slots
from jobtrail.claim_limited($1, $2, $3, $4, $5, $6, $7, $8, $9) c
