-- The oldest open transaction that this role may see, prepared ones included: it keeps dead rows alive.
select pid::int8 as process_id, application_name as name, extract(epoch from clock_timestamp() - xact_start)::float8 as seconds
from pg_stat_activity where xact_start is not null and pid <> pg_backend_pid() and datname = current_database()
union all
select 0, 'prepared transaction ' || gid, extract(epoch from clock_timestamp() - prepared)::float8
from pg_prepared_xacts where database = current_database()
order by seconds desc limit 1
