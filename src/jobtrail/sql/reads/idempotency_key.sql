-- The job and the request that an idempotency key stands for.
select job_id, request_sha256 from jobtrail.idempotency_keys where workspace_id = $1 and key = $2
