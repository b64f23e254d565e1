-- Who is connected to this database, by the name that programs give themselves.
select coalesce(nullif(application_name, ''), '(no name)') as name, count(*)::int4 as sessions,
  count(*) filter (where state = 'active')::int4 as active,
  count(*) filter (where state like 'idle in transaction%')::int4 as idle_in_transaction
from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
group by 1 order by 2 desc, 1 limit 50
