-- Locks a schedule until the transaction ends.
select version from jobtrail.schedules where workspace_id = $1 and id = $2 for update
