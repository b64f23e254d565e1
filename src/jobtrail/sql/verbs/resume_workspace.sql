-- Lets workers take the jobs of a workspace again; no row: it was not paused, or is not there.
with resumed as (
  update jobtrail.workspaces w set paused_at = null, paused_by = null, paused_reason = null
  where w.id = $1 and w.paused_at is not null
  returning w.id, w.name, w.created_at, w.paused_at, w.paused_by, w.paused_reason
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select r.id, 'workspace.resumed', $2::text::jobtrail.actor_type, $3, 'workspace', r.id, '{}'::jsonb from resumed r
)
select id, name, created_at, paused_at, paused_by, paused_reason from resumed
