-- Opens a workspace, with a person who owns it ($3) or none, and records it; no row: the name is taken.
with made as (
  insert into jobtrail.workspaces (id, name) values ($1, $2) on conflict do nothing
  returning id, name, created_at, paused_at, paused_by, paused_reason
), owned as (
  insert into jobtrail.memberships (workspace_id, user_id, role) select id, $3, 'OWNER' from made where $3::uuid is not null
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select id, 'workspace.created', $4::text::jobtrail.actor_type, $5, 'workspace', id,
    jsonb_strip_nulls(jsonb_build_object('name', name, 'owner', $3::uuid))
  from made
)
select id, name, created_at, paused_at, paused_by, paused_reason from made
