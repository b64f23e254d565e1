-- The jobs that a job waits for, or waited for, before it begins.
select needs_id from jobtrail.dependencies where workspace_id = $1 and job_id = $2 and step_id is null order by needs_id limit 10000
