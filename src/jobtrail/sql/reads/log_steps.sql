-- Names of the steps of a job that have these ids.
select id, name, phase from jobtrail.steps where workspace_id = $1 and job_id = $2 and id = any ($3::uuid[])
