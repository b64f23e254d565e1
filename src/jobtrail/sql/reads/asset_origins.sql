-- What made the files $2 of a workspace, as far as a job did: the job, the step, and in which attempt.
select a.id as asset_id, j.type, j.title, s.name as step, t.number as attempt
from jobtrail.assets a
cross join lateral (select type, title from jobtrail.jobs j where j.workspace_id = $1 and j.id = a.job_id limit 1) j
left join lateral (select name from jobtrail.steps s
  where s.workspace_id = $1 and s.job_id = a.job_id and s.id = a.step_id limit 1) s on true
left join lateral (select number from jobtrail.attempts t
  where t.workspace_id = $1 and t.job_id = a.job_id and t.id = a.attempt_id limit 1) t on true
where a.workspace_id = $1 and a.id = any ($2::uuid[])
