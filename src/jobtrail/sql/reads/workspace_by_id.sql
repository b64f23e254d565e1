-- One workspace by its id.
select id, name, created_at, paused_at, paused_by, paused_reason from jobtrail.workspaces where id = $1
