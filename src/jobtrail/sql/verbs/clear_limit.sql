-- Takes a limit away, by its id ($2) or by its scope, name and source, and records it; no row: there was none.
with gone as (
  delete from jobtrail.limits where workspace_id = $1 and (id = $2::uuid
    or ($2::uuid is null and scope = $3::text::jobtrail.limit_scope and name = $4 and source = $5::text::jobtrail.limit_source))
  returning *
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'limit.cleared', $6::text::jobtrail.actor_type, $7, 'limit', scope || ' ' || name,
    jsonb_strip_nulls(jsonb_build_object('max_slots', max_slots, 'rate_count', rate_count, 'rate_seconds', rate_seconds,
      'burst', burst, 'source', source))
  from gone
)
select id from gone
