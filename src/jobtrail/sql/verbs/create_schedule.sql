-- Makes a schedule, unless the workspace has $20 already; no row: it has, or there is one of this name.
insert into jobtrail.schedules (workspace_id, id, name, type, expression, zone, input, title, options, overlap, catch_up,
  catch_up_most, jitter_seconds, starts_at, ends_at, anchor_at, next_at, due_at, created_by)
select $1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9::text::jsonb, $10::text::jobtrail.overlap_policy,
  $11::text::jobtrail.catch_up_policy, $12, $13, $14, $15, $16, $17, $18, $19
where (select count(*) from jobtrail.schedules where workspace_id = $1) < $20
on conflict (workspace_id, name) do nothing
returning id
