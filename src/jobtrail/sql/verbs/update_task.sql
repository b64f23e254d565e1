-- Changes a task while it is as it was read ($3, null: whatever). Null leaves a field as it is; $12 names those to empty.
update jobtrail.tasks t set title = coalesce($4, t.title),
  project_id = case when 'project_id' = any ($12::text[]) then null else coalesce($5, t.project_id) end,
  description = case when 'description' = any ($12) then null else coalesce($6, t.description) end,
  prompt = case when 'prompt' = any ($12) then null else coalesce($7, t.prompt) end,
  config = coalesce($8::text::jsonb, t.config), tags = coalesce($9, t.tags),
  status = coalesce($10::text::jobtrail.task_status, t.status), priority = coalesce($11, t.priority),
  version = t.version + 1, updated_at = greatest(jobtrail.clock(), t.updated_at)
where t.workspace_id = $1 and t.id = $2 and ($3::int4 is null or t.version = $3)
returning id, project_id, title, description, prompt, config, tags, status::text, priority, version, created_at, updated_at
