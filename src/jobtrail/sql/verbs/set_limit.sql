-- Sets a limit, in place of one that its scope, name and source have, and records it.
with was as materialized (
  select max_slots, rate_count, rate_seconds, burst from jobtrail.limits
  where workspace_id = $1 and scope = $3::text::jobtrail.limit_scope and name = $4 and source = $5::text::jobtrail.limit_source
  for update
), stands as (
  insert into jobtrail.limits as l (workspace_id, id, scope, name, source, max_slots, rate_count, rate_seconds, rate_kind,
    burst, set_by, reason)
  select $1, $2, $3::text::jobtrail.limit_scope, $4, $5::text::jobtrail.limit_source, $6, $7, $8,
    $9::text::jobtrail.rate_kind, $10, $11::text || ':' || $12::text, $13
  where (select count(*) from was) >= 0  -- what it was is read before
  on conflict (workspace_id, scope, name, source) do update set max_slots = excluded.max_slots,
    rate_count = excluded.rate_count, rate_seconds = excluded.rate_seconds, rate_kind = excluded.rate_kind,
    burst = excluded.burst, set_by = excluded.set_by, set_at = jobtrail.clock(), reason = excluded.reason
  returning *
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'limit.set', $11::text::jobtrail.actor_type, $12, 'limit', scope || ' ' || name,
    jsonb_strip_nulls(jsonb_build_object('max_slots', max_slots, 'rate_count', rate_count, 'rate_seconds', rate_seconds,
      'burst', burst, 'source', source, 'reason', reason, 'was', (select to_jsonb(was) from was)))
  from stands
)
select id, scope::text, name, source::text, max_slots, rate_count, rate_seconds, rate_kind::text, burst, set_by, set_at, reason
from stands
