-- Begins a step that waits, or finds it where it stands: what was first said about until when ($10 seconds, or $11) counts.
-- No row: the attempt is stale.
with held as materialized (
  select workspace_id, id, cancel_requested_at is not null as cancel, generation from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), begun as (
  insert into jobtrail.steps as s (workspace_id, job_id, id, attempt_id, ordinal, key, name, phase, type, status, started_at)
  select $1, $2, $4, $3, coalesce((select max(ordinal) + 1 from jobtrail.steps where workspace_id = $1 and job_id = $2), 1),
    $5, $6, $7::text::jobtrail.phase, 'COMMAND', 'RUNNING', jobtrail.clock() from held where not cancel
  on conflict (workspace_id, job_id, key) do update set status = 'RUNNING', attempt_id = excluded.attempt_id,
    completed_at = null, error_message = null, output = null where s.status not in ('RUNNING', 'COMPLETED')
  returning s.id, s.status, s.output
), step as (
  select id, status, output from begun
  union all
  select s.id, s.status, s.output from jobtrail.steps s join held h on true
  where s.workspace_id = $1 and s.job_id = $2 and s.key = $5 and not exists (select from begun)
), said as (
  insert into jobtrail.waits (workspace_id, job_id, step_id, signal, until_at)
  select $1, $2, id, $9, coalesce($11::timestamptz, jobtrail.clock() + make_interval(secs => $10::float8)) from step
  where status <> 'COMPLETED'
  on conflict do nothing
  returning step_id, until_at, generation
), wait as (
  select step_id, until_at, generation from said
  union all
  select w.step_id, w.until_at, w.generation from jobtrail.waits w join step s on w.step_id = s.id
  where w.workspace_id = $1 and w.job_id = $2
), told as (
  update jobtrail.jobs j set event = 'step.started', step_id = b.id, actor_type = 'worker', actor_id = $8,
    note = jsonb_strip_nulls(jsonb_build_object('step', $6::text, 'key', $5::text, 'phase', $7::text, 'signal', $9::text,
      'until', (select until_at from said)))
  from begun b where j.workspace_id = $1 and j.id = $2
)
select s.id, s.status = 'COMPLETED' as done, s.output::text, h.cancel, h.generation = w.generation as waited,
  extract(epoch from w.until_at - jobtrail.clock())::float8 as seconds, w.until_at
from held h left join step s on true left join wait w on w.step_id = s.id
