-- Renews the lease of a worker, from now on for so many seconds. No row: the worker was declared gone.
update jobtrail.workers set beat_at = jobtrail.clock(), lease_seconds = $2::float8,
  lease_until = jobtrail.clock() + make_interval(secs => $2::float8)
where id = $1 and stopped_at is null
returning id
