-- Lets a paused schedule go on, from the next tick on; no row: it was not paused.
update jobtrail.schedules set paused_at = null, paused_by = null, paused_reason = null, next_at = $3, due_at = $4,
  version = version + 1, updated_at = jobtrail.clock()
where workspace_id = $1 and id = $2 and paused_at is not null
returning version
