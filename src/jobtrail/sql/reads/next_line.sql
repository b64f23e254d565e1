-- The number of the next log line of a job.
select coalesce((select first_line + lines from jobtrail.log_chunks where workspace_id = $1 and job_id = $2
  order by first_line desc limit 1), 1)
