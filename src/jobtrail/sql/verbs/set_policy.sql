-- Sets what a workspace allows its runners and records both; no row: it is not there, or allows just that already.
with was as (
  select id, policy from jobtrail.workspaces where id = $1 for update
), changed as (
  update jobtrail.workspaces w set policy = $2::text::jsonb from was where w.id = was.id and w.policy <> $2::text::jsonb
  returning w.id, w.policy
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select c.id, 'workspace.policy_changed', $3::text::jobtrail.actor_type, $4, 'workspace', c.id,
    jsonb_build_object('policy', c.policy, 'was', was.policy)
  from changed c cross join was
)
select policy from changed
