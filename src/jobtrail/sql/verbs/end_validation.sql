-- Ends a validation as $5 says: VALID (QUEUED), INVALID (FAILED), BROKEN (again after $9 seconds, FAILED after $8 of them),
-- BACK (its worker stops; somebody else takes it). No row: it is no longer this worker's. Nothing waits for the row of the
-- validation, for who holds the job alone changes it; it is locked to be read as it is now.
with held as materialized (
  select workspace_id, id from jobtrail.jobs where workspace_id = $1 and id = $2 and status = 'VALIDATING' for update
), mine as materialized (
  select v.workspace_id, v.job_id, v.tries from held h join jobtrail.validations v on v.workspace_id = h.workspace_id
    and v.job_id = h.id
  where v.token = $3 for update of v
), ends as (
  select workspace_id, job_id, case when $5::text = 'BROKEN' and tries + 1 >= $8::int4 then 'INVALID' else $5 end as as_what,
    jobtrail.clock() + make_interval(secs => $9::float8) as again_at
  from mine
), counted as (
  update jobtrail.validations v set tries = v.tries + 1, due_at = e.again_at
  from ends e where v.workspace_id = e.workspace_id and v.job_id = e.job_id and e.as_what = 'BROKEN'
)
update jobtrail.jobs j set actor_type = 'worker', actor_id = $4, step_id = null, note = $10::text::jsonb,
  status = case e.as_what when 'VALID' then 'QUEUED' when 'INVALID' then 'FAILED' else 'PENDING' end::jobtrail.job_status,
  event = case e.as_what when 'VALID' then 'job.queued' when 'INVALID' then 'job.failed'
    when 'BROKEN' then 'job.retry_scheduled' else 'job.interrupted' end,
  wait_reason = case when e.as_what in ('BROKEN', 'BACK') then 'VALIDATION' end::jobtrail.wait_reason,
  scheduled_at = case when e.as_what = 'BROKEN' then e.again_at else j.scheduled_at end,
  error_code = case when e.as_what in ('INVALID', 'BROKEN') then $6 else j.error_code end,
  error_message = case when e.as_what in ('INVALID', 'BROKEN') then $7 else j.error_message end
from ends e where j.workspace_id = e.workspace_id and j.id = e.job_id
returning j.status::text
