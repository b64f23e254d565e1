-- Events of a job above a seq ($3) and below another ($6), in order; of some kinds ($4) only, if they are named.
select job_id, seq, type, status::text, step_id, attempt_id, actor_type::text, actor_id, payload::jsonb, at, hash
from jobtrail.events
where workspace_id = $1 and job_id = $2 and seq > $3 and seq < $6
  and ($4::text[] is null or split_part(type, '.', 1) = any ($4))
order by seq limit $5
