-- For how many days ahead each table that is kept in days has a partition.
select parent.relname::text as table_name,
  (max(to_date(right(child.relname, 8), 'YYYYMMDD')) - (jobtrail.clock() at time zone 'UTC')::date)::int4 as days_ahead
from pg_inherits i join pg_class child on child.oid = i.inhrelid join pg_class parent on parent.oid = i.inhparent
where parent.relnamespace = 'jobtrail'::regnamespace and child.relname ~ '_[0-9]{8}$'
group by parent.relname order by parent.relname
