-- Writes all that can be said of a schedule that this transaction holds, and when it is due; the version goes on by one.
update jobtrail.schedules set name = $3, type = $4, expression = $5, zone = $6, input = $7::text::jsonb, title = $8,
  options = $9::text::jsonb, overlap = $10::text::jobtrail.overlap_policy, catch_up = $11::text::jobtrail.catch_up_policy,
  catch_up_most = $12, jitter_seconds = $13, starts_at = $14, ends_at = $15, anchor_at = $16, next_at = $17,
  due_at = case when paused_at is null then $18::timestamptz end, version = version + 1, updated_at = jobtrail.clock()
where workspace_id = $1 and id = $2
returning version
