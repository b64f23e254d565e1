-- Takes validations from workers that are gone ($1) and from leases that ran out, by $2 and $3 as `rescue` does: another
-- worker takes them, and the third loss puts the job to FAILED. Never waits for a lock.
with gone as (
  select v.workspace_id, v.job_id, v.token, coalesce(w.stop_reason, case when w.id is null then 'its worker is unknown'
    when v.worker_id = any ($1::uuid[]) then 'its worker process is gone' else 'the lease of its worker ran out' end) why
  from jobtrail.validations v left join jobtrail.workers w on w.id = v.worker_id
  where v.worker_id is not null and (w.id is null or v.worker_id = any ($1::uuid[]) or w.stopped_at is not null
    or greatest(w.lease_until, greatest(pg_postmaster_start_time(), $2::timestamptz) + make_interval(secs => w.lease_seconds))
      < coalesce($3::timestamptz, jobtrail.clock()))
  limit 500
), held as materialized (
  select j.workspace_id, j.id, g.token, g.why from jobtrail.jobs j join gone g on j.workspace_id = g.workspace_id
    and j.id = g.job_id
  where j.workspace_id = any (array(select workspace_id from gone)) and j.id = any (array(select job_id from gone))
    and j.status = 'VALIDATING'
  order by j.id for update of j skip locked
), lost as materialized (
  select h.workspace_id, h.id, h.why from held h join jobtrail.validations v on v.workspace_id = h.workspace_id
    and v.job_id = h.id and v.token = h.token for update of v
)
update jobtrail.jobs j set loss_count = j.loss_count + 1, actor_type = 'system', actor_id = 'rescuer', step_id = null,
  status = case when j.loss_count + 1 >= 3 then 'FAILED' else 'PENDING' end::jobtrail.job_status,
  event = case when j.loss_count + 1 >= 3 then 'job.failed' else 'job.lost' end,
  wait_reason = case when j.loss_count + 1 < 3 then 'VALIDATION' end::jobtrail.wait_reason,
  error_code = case when j.loss_count + 1 >= 3 then 'quarantined' else 'lost' end,
  error_message = case when j.loss_count + 1 >= 3
    then 'three workers were lost while they had this job; the last: ' || l.why else l.why end
from lost l where j.workspace_id = l.workspace_id and j.id = l.id
returning j.workspace_id, j.id, j.status::text
