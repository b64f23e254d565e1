-- How many dead rows autovacuum has left in the tables that change most, and when it was there last.
select relname::text as table_name, n_live_tup as live, n_dead_tup as dead, last_autovacuum as vacuumed_at
from pg_stat_user_tables where schemaname = 'jobtrail' order by n_dead_tup desc limit 5
