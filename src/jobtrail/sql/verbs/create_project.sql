-- Makes a project; no row: the workspace has one of that name.
insert into jobtrail.projects (workspace_id, id, name) values ($1, $2, $3)
on conflict (workspace_id, name) do nothing
returning id, name, created_at
