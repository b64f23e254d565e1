-- Ends a step that runs in this attempt and remembers its output; no row: the attempt is stale.
with held as materialized (
  select workspace_id, id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), finished as (
  update jobtrail.steps s set status = $5::text::jobtrail.step_status, output = $6::text::jsonb, error_message = $7,
    tokens_input = s.tokens_input + $8, tokens_output = s.tokens_output + $9,
    cost_usd = case when $10::numeric is null then s.cost_usd else coalesce(s.cost_usd, 0) + $10 end,
    completed_at = jobtrail.clock(),
    duration_ms = (extract(epoch from jobtrail.clock() - s.started_at) * 1000)::bigint
  from held where s.workspace_id = $1 and s.job_id = $2 and s.id = $4 and s.status in ('RUNNING', 'PENDING')
  returning s.id, s.name, s.key, s.type, s.duration_ms, s.error_message, s.output
)
update jobtrail.jobs j set step_id = f.id, actor_type = 'worker', actor_id = $11,
  event = case when f.type = 'GATE' and $5 = 'COMPLETED' then 'gate.passed'
    when f.type = 'GATE' and $5 = 'FAILED' then 'gate.failed' else 'step.' || lower($5) end,
  note = jsonb_strip_nulls(jsonb_build_object('step', f.name, 'key', f.key, 'duration_ms', f.duration_ms,
    'error', left(f.error_message, 2000),
    'output_sha256', case when f.output is not null then encode(sha256(convert_to(f.output::text, 'UTF8')), 'hex') end))
from finished f where j.workspace_id = $1 and j.id = $2
returning j.version
