-- Holds the job of a bulk operation while a page of it is done; no row: the attempt is stale, or is to stop.
select input, created_by from jobtrail.jobs
where workspace_id = $1 and id = $2 and attempt_id = $3 and status = 'RUNNING' and type = 'jobtrail.bulk'
  and cancel_requested_at is null
for update
