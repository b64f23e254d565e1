-- Moves breakers as the counts of their types and their own time say, with the limits by which they hold jobs; answers those that moved.
with counted as materialized (
  select b.*, coalesce(sum(o.completed), 0) as completed, coalesce(sum(o.failed + o.timed_out), 0) as failed
  from jobtrail.breakers b left join jobtrail.type_outcomes o on o.workspace_id = b.workspace_id and o.type = b.type
    and (b.state = 'HALF_OPEN' or o.at > jobtrail.clock() - make_interval(secs => b.window_seconds))
  where b.mode = 'AUTO' and (b.workspace_id, b.type) in (select * from unnest($1::uuid[], $2::text[]))
  group by b.workspace_id, b.type
), judged as materialized (
  select c.*, case c.state
      when 'CLOSED' then case when failed >= min_failures and failed >= failure_ratio * (failed + completed) then 'OPEN' end
      when 'OPEN' then case when state_at + make_interval(secs => open_seconds) <= jobtrail.clock() then 'HALF_OPEN' end
      else case when failed > 0 then 'OPEN' when completed >= probes then 'CLOSED' end
    end::jobtrail.breaker_state as becomes
  from counted c
), moved as (
  update jobtrail.breakers b set state = v.becomes, state_at = jobtrail.clock(), reason = case v.becomes
      when 'OPEN' then case when v.state = 'HALF_OPEN' then 'a job that was let through to see failed'
        else format('%s of %s attempts failed within %s s', v.failed, v.failed + v.completed, v.window_seconds) end
      when 'HALF_OPEN' then 'some jobs are let through to see whether they complete'
      else 'the jobs that were let through completed' end
  from judged v where b.workspace_id = v.workspace_id and b.type = v.type and v.becomes is not null
  returning b.workspace_id, b.type, v.state as was, b.state as becomes, b.reason, b.limit_id, b.probes
), limited as (
  insert into jobtrail.limits (workspace_id, id, scope, name, source, max_slots, set_by, reason)
  select workspace_id, limit_id, 'TYPE', type, 'BREAKER', case becomes when 'OPEN' then 0 else probes end,
    'system:breaker', reason from moved where becomes <> 'CLOSED'
  on conflict (workspace_id, scope, name, source) do update set max_slots = excluded.max_slots, set_at = jobtrail.clock(),
    set_by = excluded.set_by, reason = excluded.reason
), freed as (
  delete from jobtrail.limits l using moved m where l.workspace_id = m.workspace_id and l.scope = 'TYPE'
    and l.name = m.type and l.source = 'BREAKER' and m.becomes = 'CLOSED'
), anew as (
  delete from jobtrail.type_outcomes o using moved m where o.workspace_id = m.workspace_id and o.type = m.type
), old as (
  delete from jobtrail.type_outcomes o using judged v where o.workspace_id = v.workspace_id and o.type = v.type
    and v.becomes is null and o.at < jobtrail.clock() - make_interval(secs => v.window_seconds + 10) and v.state <> 'HALF_OPEN'
)
select workspace_id, type, was::text, becomes::text, reason from moved
