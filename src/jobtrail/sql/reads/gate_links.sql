-- The links to a gate, oldest first, without what signs them.
select id, gate_id, person, actor_type::text, actor_id, created_at, expires_at, used_at, revoked_at
from jobtrail.gate_links where workspace_id = $1 and gate_id = $2 order by id
