-- Revokes a key for good and records it; no row: it is not there, or was revoked before.
with revoked as (
  update jobtrail.api_keys set revoked_at = jobtrail.clock()
  where workspace_id = $1 and id = $2 and revoked_at is null
  returning workspace_id, id, name
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'key.revoked', $3::text::jobtrail.actor_type, $4, 'key', id, jsonb_build_object('name', name)
  from revoked
)
select id from revoked
