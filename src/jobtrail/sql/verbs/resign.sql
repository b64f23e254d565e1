-- Gives back every upkeep duty of a worker that stops.
update jobtrail.upkeep_leases set lease_until = jobtrail.clock() - interval '1 second' where worker_id = $1
