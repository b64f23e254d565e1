-- One link with what signs it, whether its maker holds every role, and whether its time is over.
select id, gate_id, person, actor_type::text, actor_id, created_at, expires_at, used_at, revoked_at, secret, as_owner,
  expires_at <= jobtrail.clock() as expired
from jobtrail.gate_links where workspace_id = $1 and id = $2
