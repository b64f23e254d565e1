-- Workers elsewhere whose session lock is free and whose heartbeat is late: their process is gone.
select w.id from jobtrail.workers w
where w.stopped_at is null and w.host_id <> $1 and w.lock_key <> 0
  and w.beat_at < jobtrail.clock() - make_interval(secs => w.lease_seconds * 0.4)
  and pg_postmaster_start_time() < jobtrail.clock() - make_interval(secs => w.lease_seconds)
  and not exists (select from pg_locks l where l.locktype = 'advisory' and l.granted
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid::int8 = (w.lock_key >> 32) & 4294967295 and l.objid::int8 = w.lock_key & 4294967295)
