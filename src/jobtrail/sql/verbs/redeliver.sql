-- Lets deliveries that have ended be made again by other jobs, the arrays side by side; answers those of webhooks that
-- are not disabled.
update jobtrail.webhook_deliveries d set status = 'PENDING', delivery_job_id = again.delivery_job_id, error = null,
  delivered_at = null
from unnest($2::uuid[], $3::uuid[]) as again (id, delivery_job_id), jobtrail.webhooks w
where d.workspace_id = $1 and d.id = again.id and d.status <> 'PENDING'
  and w.workspace_id = d.workspace_id and w.id = d.webhook_id and w.disabled_at is null
returning d.id
