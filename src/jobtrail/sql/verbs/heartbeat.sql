-- Renews the lease of a worker. No row: the worker was declared gone, and must stop what it runs.
update jobtrail.workers set beat_at = jobtrail.clock(), lease_until = jobtrail.clock() + make_interval(secs => lease_seconds),
  draining_at = case when $2 then coalesce(draining_at, jobtrail.clock()) end
where id = $1 and stopped_at is null
returning lease_until
