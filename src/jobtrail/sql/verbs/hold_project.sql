-- Locks a project, so that nobody puts anything into it meanwhile.
select id from jobtrail.projects where workspace_id = $1 and id = $2 for update
