-- One delivery.
select id, webhook_id, job_id, seq, event, event_at, status::text, delivery_job_id, tries, http_status, error,
  body_sha256, created_at, tried_at, delivered_at
from jobtrail.webhook_deliveries where workspace_id = $1 and id = $2
