-- Ties an idempotency key to the job that stands for the one it was given for: the holder of its unique key.
update jobtrail.idempotency_keys set job_id = $3 where workspace_id = $1 and key = $2
