-- What must be known of the server and of the role that asks, to say whether they suit.
select current_setting('server_version') as version, current_setting('server_version_num')::int4 as version_number,
  current_database()::text as database, current_user::text as role, r.rolsuper as superuser,
  r.rolbypassrls as bypasses_rls, pg_is_in_recovery() as in_recovery,
  pg_database_size(current_database()) as size_bytes, jobtrail.clock() as now,
  (select count(*) from pg_stat_activity where backend_type = 'client backend')::int4 as sessions
from pg_roles r where r.rolname = current_user
