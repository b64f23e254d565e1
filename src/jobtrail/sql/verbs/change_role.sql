-- Gives a member another role and records both.
with was as (
  select role from jobtrail.memberships where workspace_id = $1 and user_id = $2
), changed as (
  update jobtrail.memberships set role = $3 where workspace_id = $1 and user_id = $2 and role <> $3
  returning workspace_id, user_id, role
)
insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
select c.workspace_id, 'member.role_changed', $4::text::jobtrail.actor_type, $5, 'user', c.user_id,
  jsonb_build_object('role', c.role, 'was', was.role)
from changed c cross join was
