-- A worker that serves this workspace alone: what it takes, and whether it has stopped.
select id, queues, types, lease_seconds, stopped_at, stop_reason from jobtrail.workers where workspace_id = $1 and id = $2
