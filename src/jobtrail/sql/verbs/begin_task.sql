-- Takes a task to IN_PROGRESS from one of these statuses ($3); answers nothing where it stands elsewhere.
update jobtrail.tasks t set status = 'IN_PROGRESS', version = t.version + 1,
  updated_at = greatest(jobtrail.clock(), t.updated_at)
where t.workspace_id = $1 and t.id = $2 and t.status = any ($3::jobtrail.task_status[])
