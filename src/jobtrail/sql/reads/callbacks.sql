-- The addresses of a job, for the one who comes with one of them.
select name, secret, expires_at <= jobtrail.clock() as expired from jobtrail.callbacks where workspace_id = $1 and job_id = $2
