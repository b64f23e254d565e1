-- A page of a workspace's record of administration, newest first, before the number $2 (null: from the newest).
select number, at, type, actor_type::text, actor_id, subject_type, subject_id, payload, hash
from jobtrail.administration_events where workspace_id = $1 and ($2::int8 is null or number < $2)
order by number desc limit $3
