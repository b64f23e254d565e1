-- Ends a worker's life: by itself at shutdown, or by another that saw its process gone.
update jobtrail.workers set stopped_at = jobtrail.clock(), stop_reason = $2
where id = any ($1::uuid[]) and stopped_at is null
returning id
