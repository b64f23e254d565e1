-- Where the trail of all workspaces stands: which history this is (a restored or promoted server is another one), below
-- which transaction all have ended, which had not begun yet, the time, and the oldest day that retention has left; it
-- leaves a week at least, so that a young database is none that forgot.
select substr(md5(s.system_identifier || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || jobtrail.txid_base()), 1, 8) as epoch,
  jobtrail.horizon() as horizon,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint + jobtrail.txid_base() as next_txid, jobtrail.clock() as now,
  (select least(min(to_date(right(c.relname, 8), 'YYYYMMDD')), (jobtrail.clock() at time zone 'UTC')::date - 7)
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'jobtrail.events'::regclass and c.relname ~ '_[0-9]{8}$')::timestamp at time zone 'UTC' as oldest_day
from pg_control_system() s
