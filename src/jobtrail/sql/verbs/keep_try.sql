-- Notes how one try of a delivery went, and with $8 disables the webhook for that reason. No row: the attempt is stale.
with held as materialized (
  select workspace_id, id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for update
), tried as (
  update jobtrail.webhook_deliveries d set tries = d.tries + 1, http_status = $4, error = $5, body_sha256 = $6,
    tried_at = jobtrail.clock(), status = case when $7 then 'DELIVERED' else 'PENDING' end::jobtrail.delivery_status,
    delivered_at = case when $7 then jobtrail.clock() end
  from held where d.workspace_id = held.workspace_id and d.delivery_job_id = held.id
  returning d.workspace_id, d.webhook_id, d.tries
), disabled as (
  update jobtrail.webhooks w set disabled_at = coalesce(w.disabled_at, jobtrail.clock()),
    disabled_reason = coalesce(w.disabled_reason, $8), updated_at = jobtrail.clock(), version = w.version + 1
  from tried where $8::text is not null and w.workspace_id = tried.workspace_id and w.id = tried.webhook_id
)
select webhook_id, tries from tried
