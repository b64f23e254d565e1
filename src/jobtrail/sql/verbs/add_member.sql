-- Makes a person a member and records it; no row: they are one already.
with added as (
  insert into jobtrail.memberships (workspace_id, user_id, role) values ($1, $2, $3) on conflict do nothing
  returning *
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'member.added', $4::text::jobtrail.actor_type, $5, 'user', user_id, jsonb_build_object('role', role)
  from added
)
select user_id from added
