-- Brings deliveries up to date with the ends, and the retries, of the jobs that deliver them, as the trail tells of
-- transactions in [$1, $2].
with bound as (
  select least(safe_at, jobtrail.clock()) - interval '1 day' as at from jobtrail.webhook_dispatcher
), moved as (
  select distinct e.workspace_id, e.job_id from jobtrail.events e
  where e.at >= (select at from bound) and e.txid >= $1::int8 and e.txid <= $2::int8
    and e.type in ('job.failed', 'job.cancelled', 'job.retried')
)
update jobtrail.webhook_deliveries d
set status = case when j.status in ('FAILED', 'CANCELLED') then 'FAILED' else 'PENDING' end::jobtrail.delivery_status,
  error = coalesce(d.error, j.error_message, j.cancel_reason)
from moved join jobtrail.jobs j on j.workspace_id = moved.workspace_id and j.id = moved.job_id
where j.type = 'jobtrail.webhook' and d.workspace_id = j.workspace_id and d.delivery_job_id = j.id
  and d.status <> 'DELIVERED'
