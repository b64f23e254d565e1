-- Ids and numbers of the attempts of a job, oldest first.
select id, number from jobtrail.attempts where workspace_id = $1 and job_id = $2 order by number
