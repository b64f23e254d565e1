-- One schedule by its id, or, where that is null, by its name.
select id, name, type, expression, zone, input, title, options, overlap::text, catch_up::text, catch_up_most, jitter_seconds, starts_at,
  ends_at, anchor_at, next_at, due_at, last_tick_at, paused_at, paused_by, paused_reason, declared_by, undeclared_at,
  created_by, created_at, updated_at, version
from jobtrail.schedules where workspace_id = $1 and (id = $2 or ($2 is null and name = $3))
