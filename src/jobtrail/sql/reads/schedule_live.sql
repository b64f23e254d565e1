-- The jobs of a schedule that have not ended, among its newest 1000.
select id from (
  select id, status from jobtrail.jobs where workspace_id = $1 and schedule_id = $2 order by id desc limit 1000
) newest where status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') order by id
