-- All workspaces that this session may see.
select id, name, created_at from jobtrail.workspaces order by name
