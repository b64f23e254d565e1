-- What was said to a job under a name.
select payload::text, actor_type::text, actor_id, at from jobtrail.signals where workspace_id = $1 and job_id = $2 and name = $3
