-- Locks a task, so that nobody hangs a job on it meanwhile.
select id from jobtrail.tasks where workspace_id = $1 and id = $2 for update
