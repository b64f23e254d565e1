-- The jobs and the requests that idempotency keys stand for.
select key, job_id, request_sha256 from jobtrail.idempotency_keys where workspace_id = $1 and key = any ($2::text[])
