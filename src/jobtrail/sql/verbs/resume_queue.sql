-- Lets the workers take from a queue again; no row: it was not paused.
update jobtrail.queues set paused_at = null, paused_by = null, paused_reason = null
where workspace_id = $1 and name = $2 and paused_at is not null
returning name
