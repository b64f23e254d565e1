-- Pauses a schedule, or says anew who paused it and why.
update jobtrail.schedules set paused_at = coalesce(paused_at, jobtrail.clock()), paused_by = $3, paused_reason = $4,
  due_at = null, version = version + 1, updated_at = jobtrail.clock()
where workspace_id = $1 and id = $2
returning version
