-- Removes a group with its members and records it; no row: there is none.
with removed as (
  delete from jobtrail.groups where workspace_id = $1 and name = $2
  returning workspace_id, name
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id)
  select workspace_id, 'group.removed', $3::text::jobtrail.actor_type, $4, 'group', name from removed
)
select name from removed
