-- Gives a workspace another name and records both; no row: it is not there, or is called so already.
with was as (
  select id, name from jobtrail.workspaces where id = $1 for update
), renamed as (
  update jobtrail.workspaces w set name = $2 from was where w.id = was.id and w.name <> $2
  returning w.id, w.name, w.created_at, w.paused_at, w.paused_by, w.paused_reason
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select r.id, 'workspace.renamed', $3::text::jobtrail.actor_type, $4, 'workspace', r.id,
    jsonb_build_object('name', r.name, 'was', was.name)
  from renamed r cross join was
)
select id, name, created_at, paused_at, paused_by, paused_reason from renamed
