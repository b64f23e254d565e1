-- Jobs of a workspace that wait for a time, after the time $2 and the id $3, in the order in which they are due.
select j.id, j.type, j.queue, j.title, j.priority, j.wait_reason::text as wait_reason, t.due_at, j.attempt_count,
  j.max_attempts, j.error_code, j.error_message, j.created_by, j.created_at
from (select job_id, due_at from jobtrail.timers where workspace_id = $1 and type = 'START'
  and due_at >= $2::timestamptz and (due_at, job_id) > ($2::timestamptz, $3::uuid)
  order by due_at, job_id limit $4) t
cross join lateral (select * from jobtrail.jobs j where j.workspace_id = $1 and j.id = t.job_id limit 1) j
where j.status = 'PENDING' and j.wait_reason in ('SCHEDULE', 'RETRY', 'QUOTA')
order by t.due_at, t.job_id
