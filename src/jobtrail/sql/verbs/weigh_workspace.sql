-- Sets what share of the workers a workspace has beside others, and records it; no row: it is not there, or has it already.
with was as (
  select id, weight from jobtrail.workspaces where id = $1 for update
), changed as (
  update jobtrail.workspaces w set weight = $2 from was where w.id = was.id and w.weight <> $2::int4
  returning w.id, w.weight
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select c.id, 'workspace.weighed', $3::text::jobtrail.actor_type, $4, 'workspace', c.id,
    jsonb_build_object('weight', c.weight, 'was', was.weight)
  from changed c cross join was
)
select weight::int4 from changed
