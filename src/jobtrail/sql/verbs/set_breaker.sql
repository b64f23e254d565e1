-- Makes a breaker of a type or changes it ($5.. null: as it is), and moves it where it is to be held open or closed, with its limit.
with was as materialized (
  select mode from jobtrail.breakers where workspace_id = $1 and type = $2 for update
), made as (
  insert into jobtrail.breakers as b (workspace_id, type, limit_id, mode, state, min_failures, failure_ratio, window_seconds,
    open_seconds, probes, reason, set_by)
  values ($1, $2, $3, $4::text::jobtrail.breaker_mode, case $4 when 'OPEN' then 'OPEN' else 'CLOSED' end::jobtrail.breaker_state,
    coalesce($5, 10), coalesce($6, 0.5), coalesce($7, 60), coalesce($8, 30), coalesce($9, 1), $10, $11)
  on conflict (workspace_id, type) do update set mode = excluded.mode,
    state = case when excluded.mode = 'AUTO' and b.mode = 'AUTO' then b.state else excluded.state end,
    state_at = case when excluded.mode = 'AUTO' and b.mode = 'AUTO' then b.state_at else jobtrail.clock() end,
    reason = case when excluded.mode = 'AUTO' and b.mode = 'AUTO' then b.reason else excluded.reason end,
    min_failures = coalesce($5, b.min_failures), failure_ratio = coalesce($6, b.failure_ratio),
    window_seconds = coalesce($7, b.window_seconds), open_seconds = coalesce($8, b.open_seconds),
    probes = coalesce($9, b.probes), set_by = excluded.set_by, set_at = jobtrail.clock()
  returning b.*
), limited as (
  insert into jobtrail.limits (workspace_id, id, scope, name, source, max_slots, set_by, reason)
  select workspace_id, limit_id, 'TYPE', type, 'BREAKER', 0, set_by, reason from made where mode = 'OPEN'
  on conflict (workspace_id, scope, name, source) do update set max_slots = 0, set_at = jobtrail.clock(),
    set_by = excluded.set_by, reason = excluded.reason
), freed as (
  delete from jobtrail.limits l using made m where l.workspace_id = m.workspace_id and l.scope = 'TYPE'
    and l.name = m.type and l.source = 'BREAKER' and m.state = 'CLOSED'
), anew as (
  delete from jobtrail.type_outcomes o using made m where o.workspace_id = m.workspace_id and o.type = m.type
    and m.mode is distinct from (select mode from was)
)
select type, mode::text, state::text, state_at, min_failures, failure_ratio, window_seconds, open_seconds, probes, reason,
  set_by, set_at, 0::int8 as completed, 0::int8 as failed from made
