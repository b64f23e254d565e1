-- A page of deliveries, newest first, before the cursor $3 (null: from the newest), of a webhook or a job, or of all.
select id, webhook_id, job_id, seq, event, event_at, status::text, delivery_job_id, tries, http_status, error,
  body_sha256, created_at, tried_at, delivered_at
from jobtrail.webhook_deliveries
where workspace_id = $1 and ($2::uuid is null or webhook_id = $2) and ($3::uuid is null or id < $3)
  and ($4::text[] is null or status = any ($4::jobtrail.delivery_status[])) and ($5::uuid is null or job_id = $5)
order by id desc limit $6
