-- The number of the next log line of a job.
select coalesce(max(first_line + lines), 1) from jobtrail.log_chunks where workspace_id = $1 and job_id = $2
