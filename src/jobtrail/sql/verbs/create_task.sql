-- Makes a task; no row: there is one of that id.
insert into jobtrail.tasks (workspace_id, id, project_id, title, description, prompt, config, tags, status, priority)
values ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9::text::jobtrail.task_status, $10)
on conflict (workspace_id, id) do nothing
returning id, project_id, title, description, prompt, config, tags, status::text, priority, version, created_at, updated_at
