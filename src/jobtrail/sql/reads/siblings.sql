-- Workers on the same host that are not known to have stopped.
select id, process_id, process_started from jobtrail.workers
where host_id = $1 and stopped_at is null and id <> $2
