-- A page of schedules by name, after one ($2): those with a piece of text in name or type ($3), paused or not ($4).
select id, name, type, expression, zone, input, title, options, overlap::text, catch_up::text, catch_up_most, jitter_seconds, starts_at,
  ends_at, anchor_at, next_at, due_at, last_tick_at, paused_at, paused_by, paused_reason, declared_by, undeclared_at,
  created_by, created_at, updated_at, version
from jobtrail.schedules where workspace_id = $1 and name > $2::text
  and ($3::text is null or name ilike $3 or type ilike $3) and ($4::bool is null or (paused_at is not null) = $4)
order by name limit $5
