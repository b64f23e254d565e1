-- Where a file is to be kept: the status of the job (null: there is none), and whether the task is there.
select (select status::text from jobtrail.jobs where workspace_id = $1 and id = $2) as job_status,
  exists (select from jobtrail.tasks where workspace_id = $1 and id = $3) as has_task
