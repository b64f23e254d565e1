-- What decides whether a key opens the door, in whichever workspace it is; `role` is that of the person it is bound to.
select k.workspace_id, k.id, k.name, k.secret_hash, k.scopes, k.user_id, m.role,
  u.disabled_at is not null as user_disabled, k.expires_at, k.revoked_at, jobtrail.clock() as now
from jobtrail.api_keys k
left join jobtrail.users u on u.id = k.user_id
left join jobtrail.memberships m on m.workspace_id = k.workspace_id and m.user_id = k.user_id
where k.id = $1
