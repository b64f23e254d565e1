-- Which of some ticks of a schedule have a job.
select at from jobtrail.schedule_ticks where workspace_id = $1 and schedule_id = $2 and at = any ($3::timestamptz[])
  and outcome = 'JOB'
