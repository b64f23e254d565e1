-- The ids of the budgets that hold the attempts of a job, the narrowest scope first.
select b.id
from jobtrail.jobs j cross join lateral (values ('ATTEMPT'::jobtrail.budget_scope, j.id::text), ('TREE', j.id::text),
    ('TREE', j.root_id::text), ('SCHEDULE', j.schedule_id::text), ('TASK', j.task_id::text),
    ('PROJECT', j.project_id::text), ('TYPE', j.type), ('QUEUE', j.queue), ('WORKSPACE', '')) as held (scope, subject)
  join jobtrail.budgets b on b.workspace_id = j.workspace_id and b.scope = held.scope and b.subject = held.subject
where j.workspace_id = $1 and j.id = $2 and b.workspace_id = $1
order by b.scope, b.period, b.id
