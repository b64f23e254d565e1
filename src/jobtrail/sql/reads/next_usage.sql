-- How many usage rows an attempt has.
select count(*) from jobtrail.usage where workspace_id = $1 and job_id = $2 and attempt_id = $3
