-- The workers, those alive first; `silent_seconds` is the age of the last heartbeat, `workspace_id` is set for a worker
-- that serves this one alone.
select w.id, w.name, w.host, w.process_id, w.version, w.queues, w.types, w.slots, w.started_at,
  extract(epoch from jobtrail.clock() - w.beat_at)::float8 silent_seconds, w.lease_until > jobtrail.clock() as leased,
  w.draining_at, w.stopped_at, w.stop_reason,
  (select count(*) from jobtrail.attempts a where a.worker_id = w.id and a.ended_at is null)::int4 running, w.workspace_id,
  w.left_queues, w.drain_asked_at, w.drain_asked_by, w.drain_reason, w.drain_stops
from jobtrail.workers w
order by w.stopped_at is null desc, w.started_at desc limit $1
