-- Who asks at the gates $2 of a workspace: the job, with its input where that is small, and the step.
select g.id as gate_id, g.job_id, j.type, j.title, j.queue, j.status::text as status, j.wait_reason::text as wait_reason,
  case when pg_column_size(j.input) <= 4000 then j.input end as input, s.name as step, s.phase::text as phase
from jobtrail.gates g
cross join lateral (select * from jobtrail.jobs j where j.workspace_id = $1 and j.id = g.job_id limit 1) j
cross join lateral (select name, phase from jobtrail.steps s
  where s.workspace_id = $1 and s.job_id = g.job_id and s.id = g.step_id limit 1) s
where g.workspace_id = $1 and g.id = any ($2::uuid[])
