-- Workers on the same host that are not known to have stopped.
select id, process_id, extract(epoch from started_at)::float8 as started_at from jobtrail.workers
where host_id = $1 and stopped_at is null and id <> $2
