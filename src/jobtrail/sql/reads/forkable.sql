-- The steps of a job in their order, without what they returned; at most $3.
select id, ordinal, key, name, status::text from jobtrail.steps where workspace_id = $1 and job_id = $2
order by ordinal limit $3
