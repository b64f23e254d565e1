-- What an audit starts from: how far everything is said to be sealed, the time, and which days the trail has.
select coalesce((select up_to_txid from jobtrail.sealer), 0) as sealed_up_to, jobtrail.clock() as now, (
  select array_agg(c.relname::text) from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'jobtrail.events'::regclass) as parts
