-- One project.
select id, name, created_at from jobtrail.projects where workspace_id = $1 and id = $2
