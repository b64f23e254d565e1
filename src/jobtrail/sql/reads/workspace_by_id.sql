-- One workspace by its id.
select id, name, created_at from jobtrail.workspaces where id = $1
