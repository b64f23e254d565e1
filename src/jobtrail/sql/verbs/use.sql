-- Books tokens and money of one call; the cost is null when the price is unknown. No row: the attempt is stale.
with held as materialized (
  select workspace_id, id, project_id, task_id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), booked as (
  insert into jobtrail.usage (workspace_id, job_id, attempt_id, number, step_id, provider, model, input_tokens,
    output_tokens, cached_tokens, reasoning_tokens, cost_usd, price_source, project_id, task_id)
  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, project_id, task_id from held
  on conflict do nothing
  returning number
), on_step as (
  update jobtrail.steps s set tokens_input = s.tokens_input + $8, tokens_output = s.tokens_output + $9,
    cost_usd = case when $12::numeric is null then s.cost_usd else coalesce(s.cost_usd, 0) + $12 end
  from booked where s.workspace_id = $1 and s.job_id = $2 and s.id = $5
), told as (
  update jobtrail.jobs j set event = 'ai.tokens_used', step_id = $5, actor_type = 'worker', actor_id = $14,
    note = jsonb_strip_nulls(jsonb_build_object('number', $4::int4, 'provider', $6::text, 'model', $7::text,
      'input_tokens', $8::int8, 'output_tokens', $9::int8, 'cached_tokens', $10::int8,
      'reasoning_tokens', $11::int8, 'cost_usd', $12::numeric))
  from booked where j.workspace_id = $1 and j.id = $2
)
select id from held
