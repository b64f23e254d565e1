-- Forgets idempotency keys older than a time.
delete from jobtrail.idempotency_keys where created_at < $1
