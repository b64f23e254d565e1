-- What was said to a job, in its order.
select name, payload, actor_type::text, actor_id, at from jobtrail.signals where workspace_id = $1 and job_id = $2 order by at, name
