-- Seconds from the first start to the last end of some jobs.
select extract(epoch from max(completed_at) - min(started_at))::float8 from jobtrail.jobs
where workspace_id = $1 and id = any ($2::uuid[]) and status = 'COMPLETED'
