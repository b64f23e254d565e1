-- Puts a question to people and lets the job wait for the answer without a slot. No row: the attempt is stale. A gate
-- that was decided before stays as it is, and the job goes on: nobody would decide it again.
with held as materialized (
  select * from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' and cancel_requested_at is null
  for update
), asked as (
  insert into jobtrail.gates as g (workspace_id, job_id, step_id, id, question, approvers, needed, form, expires_at,
    on_expire, rejections, no_self_approval, comment_required, escalate_to, escalate_at)
  select $1, $2, $4, $5, $6, $7, $8, $9::text::jsonb,
    jobtrail.clock() + make_interval(secs => $10::float8), $15::text::jobtrail.gate_expiry,
    $16::text::jobtrail.gate_rejection, $17, $18, $19, jobtrail.clock() + make_interval(secs => $20::float8) from held
  on conflict (workspace_id, step_id) do update set question = case when g.status = 'WAITING' then excluded.question
    else g.question end
  returning g.id, g.expires_at, g.status, least(g.expires_at, g.escalate_at) as due_at
), waits as (
  update jobtrail.jobs j set status = 'PENDING', event = 'gate.requested', wait_reason = 'GATE', scheduled_at = null,
    step_id = $4, actor_type = 'worker', actor_id = $11,
    note = jsonb_build_object('gate_id', a.id, 'question', $6::text, 'expires_at', a.expires_at)
  from asked a where j.workspace_id = $1 and j.id = $2 and a.status = 'WAITING'
  returning j.updated_at
), closed as (
  update jobtrail.attempts a set status = 'INTERRUPTED', ended_at = w.updated_at, error_code = 'gate',
    cpu_seconds = $12, memory_bytes = $13, disk_bytes = $14
  from waits w where a.workspace_id = $1 and a.job_id = $2 and a.ended_at is null
), timed as (
  insert into jobtrail.timers (workspace_id, job_id, type, due_at)
  select $1, $2, 'GATE', due_at from asked where due_at is not null and status = 'WAITING'
  on conflict (workspace_id, job_id, type) do update set due_at = excluded.due_at
)
select id, status::text from asked
