-- The breakers of a workspace by type ($2 null: all), with what was counted within their window.
select b.type, b.mode::text as mode, b.state::text as state, b.state_at, b.min_failures, b.failure_ratio, b.window_seconds,
  b.open_seconds, b.probes, b.reason, b.set_by, b.set_at, coalesce(o.completed, 0)::int8 as completed,
  coalesce(o.failed, 0)::int8 as failed
from jobtrail.breakers b cross join lateral (
  select sum(o.completed) as completed, sum(o.failed + o.timed_out) as failed from jobtrail.type_outcomes o
  where o.workspace_id = b.workspace_id and o.type = b.type
    and o.at > jobtrail.clock() - make_interval(secs => b.window_seconds)) o
where b.workspace_id = $1 and ($2::text is null or b.type = $2)
order by b.type
