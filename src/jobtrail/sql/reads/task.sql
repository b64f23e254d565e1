-- One task.
select id, project_id, title, description, prompt, config, tags, status::text, priority, version, created_at, updated_at
from jobtrail.tasks where workspace_id = $1 and id = $2
