-- Lets a worker that was told to drain take jobs again; no row: it was not told to, or has stopped.
update jobtrail.workers set drain_asked_at = null, drain_asked_by = null, drain_reason = null, drain_stops = false,
  draining_at = null
where id = $1 and stopped_at is null and drain_asked_at is not null
returning name, workspace_id, true as changed
