-- Adds how attempts of types ended to the ten seconds in which we are.
insert into jobtrail.type_outcomes as o (workspace_id, type, at, completed, failed, timed_out)
select w.workspace_id, w.type, date_bin('10 seconds', jobtrail.clock(), '2000-01-01'), w.completed, w.failed, w.timed_out
from unnest($1::uuid[], $2::text[], $3::int8[], $4::int8[], $5::int8[]) as w (workspace_id, type, completed, failed, timed_out)
on conflict (workspace_id, type, at) do update set completed = o.completed + excluded.completed,
  failed = o.failed + excluded.failed, timed_out = o.timed_out + excluded.timed_out
