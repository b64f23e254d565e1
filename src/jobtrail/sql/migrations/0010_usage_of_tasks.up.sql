-- Usage knows the task and the project of its job, so that what they cost is summed without a look at all their jobs.

alter table jobtrail.usage add column project_id uuid, add column task_id uuid;

select set_config('jobtrail.workspace', '*', true);
update jobtrail.usage u set project_id = j.project_id, task_id = j.task_id
from jobtrail.jobs j
where j.workspace_id = u.workspace_id and j.id = u.job_id and (j.project_id is not null or j.task_id is not null);

-- A sum is read from the index alone.
create index usage_by_task on jobtrail.usage (workspace_id, task_id)
  include (input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd) where task_id is not null;
create index usage_by_project on jobtrail.usage (workspace_id, project_id)
  include (input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd) where project_id is not null;
