-- Opens an address of a running attempt's job; opened again it stays what it is, for longer. No row: the attempt is stale.
with held as materialized (
  select workspace_id, id from jobtrail.jobs
  where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' for share
)
insert into jobtrail.callbacks as c (workspace_id, job_id, name, secret, expires_at)
select workspace_id, id, $4, $5, jobtrail.clock() + make_interval(secs => $6::float8) from held
on conflict (workspace_id, job_id, name) do update set expires_at = excluded.expires_at
returning c.secret
