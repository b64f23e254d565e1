-- A worker that serves this workspace alone: what it takes and is told to leave, and whether it has stopped.
select id, queues, types, lease_seconds, stopped_at, stop_reason, left_queues, drain_asked_at is not null as drains,
  drain_stops as stops
from jobtrail.workers where workspace_id = $1 and id = $2
