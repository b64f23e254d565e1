-- Makes a key and records it; no row: the person whom it is to be bound to is not a member.
with made as (
  insert into jobtrail.api_keys (workspace_id, id, user_id, name, secret_hash, scopes, created_by, expires_at)
  select $1, $2, $3, $4, $5, $6, $7::text || ':' || $8::text, $9
  where $3::uuid is null or exists (select from jobtrail.memberships where workspace_id = $1 and user_id = $3)
  returning *
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'key.created', $7::text::jobtrail.actor_type, $8, 'key', id,
    jsonb_strip_nulls(jsonb_build_object('name', name, 'scopes', scopes, 'user_id', user_id, 'expires_at', expires_at))
  from made
)
select id, name, scopes, user_id, created_by, created_at, expires_at, last_used_at, revoked_at from made
