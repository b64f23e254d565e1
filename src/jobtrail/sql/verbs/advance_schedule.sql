-- Says when a schedule is due next, after ticks were made. That is no change of the schedule: its version stays.
update jobtrail.schedules set next_at = $3, due_at = case when paused_at is null then $4::timestamptz end,
  last_tick_at = coalesce(greatest(last_tick_at, $5), last_tick_at)
where workspace_id = $1 and id = $2
