-- Takes the session lock that tells of a dead worker at once.
select pg_advisory_lock($1::int8)
