-- Ties idempotency keys to the jobs that stand for those they were given for. The arrays run side by side.
update jobtrail.idempotency_keys k set job_id = stands.job_id
from unnest($2::text[], $3::uuid[]) as stands (key, job_id)
where k.workspace_id = $1 and k.key = any ($2) and k.key = stands.key
