-- Ties an idempotency key to a job; no row when the key is taken.
insert into jobtrail.idempotency_keys (workspace_id, key, job_id, request_sha256) values ($1, $2, $3, $4)
on conflict do nothing
returning job_id
