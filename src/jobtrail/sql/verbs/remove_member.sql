-- Takes a member out of a workspace, revokes the keys that were bound to them there, and records all of it.
with removed as (
  delete from jobtrail.memberships where workspace_id = $1 and user_id = $2
  returning workspace_id, user_id, role
), revoked as (
  update jobtrail.api_keys k set revoked_at = jobtrail.clock() from removed r
  where k.workspace_id = r.workspace_id and k.user_id = r.user_id and k.revoked_at is null
  returning k.workspace_id, k.id, k.name
)
insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
select workspace_id, 'member.removed', $3::text::jobtrail.actor_type, $4, 'user', user_id::text,
  jsonb_build_object('role', role)
from removed
union all
select workspace_id, 'key.revoked', $3::text::jobtrail.actor_type, $4, 'key', id::text, jsonb_build_object('name', name)
from revoked
