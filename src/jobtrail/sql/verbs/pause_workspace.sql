-- Lets workers take none of a workspace's jobs; what runs goes on. `changed` is false where it was paused already; no row: it is
-- not there.
with was as materialized (
  select id, paused_at from jobtrail.workspaces where id = $1 for update
), paused as (
  update jobtrail.workspaces w set paused_at = coalesce(w.paused_at, jobtrail.clock()), paused_by = $3, paused_reason = $4
  from was where w.id = was.id
  returning w.id, w.name, w.created_at, w.paused_at, w.paused_by, w.paused_reason
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select p.id, 'workspace.paused', $2::text::jobtrail.actor_type, $3, 'workspace', p.id,
    jsonb_strip_nulls(jsonb_build_object('reason', $4::text))
  from paused p join was on was.id = p.id where was.paused_at is null
)
select id, name, created_at, paused_at, paused_by, paused_reason from paused
