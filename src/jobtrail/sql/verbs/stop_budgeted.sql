-- Asks the workers of jobs that run under a budget which is spent, and which stops them, to cancel them. Answers how many.
with running as (
  select a.job_id, a.id from jobtrail.budget_holds h
  join jobtrail.attempts a on a.workspace_id = $1 and a.job_id = h.job_id and a.id = h.attempt_id and a.ended_at is null
  where h.workspace_id = $1 and h.budget_id = $2
), held as (
  select j.id from jobtrail.jobs j
  where j.workspace_id = $1 and j.id = any (array(select job_id from running)) and j.status = 'RUNNING'
    and j.attempt_id = any (array(select id from running)) and j.cancel_requested_at is null
  order by j.id for update of j skip locked
), told as (
  update jobtrail.jobs j set event = 'job.cancel_requested', cancel_requested_at = jobtrail.clock(), cancel_reason = $3,
    step_id = null, actor_type = 'system', actor_id = 'budgets', note = jsonb_build_object('budget_id', $2::uuid)
  where j.workspace_id = $1 and j.id = any (array(select id from held)) and j.status = 'RUNNING'
  returning j.id
)
select count(*) from told
