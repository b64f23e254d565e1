-- Who keeps house, how far the tables are, and since when nothing was sealed. Needs a scope that sees all.
select m.number as schema_number, m.name as schema_name, m.applied_at as schema_at,
  u.worker_id as keeper_id, coalesce(w.name, '') as keeper, u.lease_until as keeper_until,
  extract(epoch from jobtrail.clock() - u.lease_until)::float8 as keeper_late_seconds,
  (select sealed_at from jobtrail.seals order by up_to_txid desc limit 1) as sealed_at
from (select number, name, applied_at from jobtrail.migrations order by number desc limit 1) m
left join jobtrail.upkeep_leases u on u.duty = 'house'
left join jobtrail.workers w on w.id = u.worker_id
