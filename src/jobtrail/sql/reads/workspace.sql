-- The id of a workspace, by name.
select id from jobtrail.workspaces where name = $1
