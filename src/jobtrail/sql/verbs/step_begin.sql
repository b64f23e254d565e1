-- Starts a step, or starts again one that did not complete. A COMPLETED step is left alone and answers its output.
with held as materialized (
  select workspace_id, id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), begun as (
  insert into jobtrail.steps as s (workspace_id, job_id, id, attempt_id, ordinal, key, name, phase, type, status, started_at)
  select $1, $2, $4, $3, coalesce((select max(ordinal) + 1 from jobtrail.steps where workspace_id = $1 and job_id = $2), 1),
    $5, $6, $7::text::jobtrail.phase, $8::text::jobtrail.step_type, 'RUNNING', jobtrail.clock() from held
  on conflict (workspace_id, job_id, key) do update set status = 'RUNNING', attempt_id = excluded.attempt_id,
    started_at = excluded.started_at, completed_at = null, error_message = null, output = null
    where s.status <> 'COMPLETED'
  returning s.id
), told as (
  update jobtrail.jobs j set event = case when $8 = 'GATE' then 'gate.started' else 'step.started' end,
    step_id = b.id, note = jsonb_build_object('step', $6::text, 'key', $5::text, 'phase', $7::text),
    actor_type = 'worker', actor_id = $9
  from begun b where j.workspace_id = $1 and j.id = $2
)
select b.id from held left join begun b on true
