-- The step that failed last in the last attempt of a job.
select s.id, s.name, s.phase::text, s.error_message, a.id as attempt_id, a.number as attempt_number, s.started_at, s.completed_at
from jobtrail.jobs j
join jobtrail.attempts a on a.workspace_id = j.workspace_id and a.job_id = j.id and a.id = j.attempt_id
join jobtrail.steps s on s.workspace_id = j.workspace_id and s.job_id = j.id and s.attempt_id = a.id and s.status = 'FAILED'
where j.workspace_id = $1 and j.id = $2
order by s.phase = 'CLEANUP', s.completed_at desc, s.ordinal desc limit 1
