-- Who decided what at the gates $2 of a workspace, in the order in which they did; not what they took back.
select gate_id, actor_type::text as actor_type, actor_id, approved, comment, form, at, voice, link_id
from jobtrail.gate_decisions where workspace_id = $1 and gate_id = any ($2::uuid[]) and superseded_at is null
order by at, number
