-- Makes a group and records it; no row: there is one of this name.
with made as (
  insert into jobtrail.groups (workspace_id, name, created_by) values ($1, $2, $3::text || ':' || $4::text)
  on conflict do nothing
  returning workspace_id, name
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id)
  select workspace_id, 'group.created', $3::text::jobtrail.actor_type, $4, 'group', name from made
)
select name from made
