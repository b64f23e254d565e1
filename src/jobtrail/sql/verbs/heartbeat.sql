-- Renews the lease of a worker, and answers what it is told to leave alone and whether to drain. No row: it was declared
-- gone, and must stop what it runs.
update jobtrail.workers set beat_at = jobtrail.clock(), lease_until = jobtrail.clock() + make_interval(secs => lease_seconds),
  draining_at = case when $2 or drain_asked_at is not null then coalesce(draining_at, jobtrail.clock()) end
where id = $1 and stopped_at is null
returning lease_until, left_queues, drain_asked_at is not null as drains, drain_stops as stops
