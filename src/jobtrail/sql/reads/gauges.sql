-- How the whole installation stands, for monitoring: counted up to $1, without the name of anything.
select
  (select count(*) from (select from jobtrail.ready limit $1) capped) as ready,
  (select count(*) from (select from jobtrail.attempts where ended_at is null limit $1) capped) as running,
  (select count(*) from (select from jobtrail.gates where status = 'WAITING' limit $1) capped) as gates_waiting,
  (select extract(epoch from jobtrail.clock() - min(j.queued_at))::float8
    from (select workspace_id, job_id from jobtrail.ready order by queue, workspace_id, strand, rank, job_id limit 1) first
    join jobtrail.jobs j on j.workspace_id = first.workspace_id and j.id = first.job_id) as oldest_ready_seconds,
  (select count(*) from jobtrail.workers where stopped_at is null and lease_until > jobtrail.clock()) as workers,
  (select count(*) from jobtrail.workers where stopped_at is null and lease_until <= jobtrail.clock()) as workers_late,
  (select coalesce(sum(slots), 0) from jobtrail.workers
    where stopped_at is null and lease_until > jobtrail.clock()) as slots,
  (select count(*) from pg_stat_activity where datname = current_database()) as sessions
