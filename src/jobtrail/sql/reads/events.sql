-- The trail of a job after a sequence number, in order.
select job_id, seq, type, status::text, step_id, attempt_id, actor_type::text, actor_id, payload::jsonb, at, hash
from jobtrail.events where workspace_id = $1 and job_id = $2 and seq > $3 order by seq limit $4
