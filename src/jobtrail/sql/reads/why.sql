-- What keeps a job from running: the facts behind the one sentence.
select j.status::text, j.wait_reason::text, j.queue, j.type, j.scheduled_at, j.queued_at, j.cancel_requested_at,
  j.error_code, j.error_message, j.failure_count, j.max_attempts,
  q.paused_at, q.paused_by, q.paused_reason,
  (select count(*) from jobtrail.workers w where w.stopped_at is null and w.lease_until > jobtrail.clock()
    and (w.workspace_id is null or w.workspace_id = j.workspace_id)
    and j.queue = any (w.queues)) as workers_of_queue,
  (select count(*) from jobtrail.workers w where w.stopped_at is null and w.lease_until > jobtrail.clock()
    and (w.workspace_id is null or w.workspace_id = j.workspace_id)
    and j.queue = any (w.queues) and j.type = any (w.types)) as workers_of_type,
  (select count(*) from (select from jobtrail.ready r where r.queue = j.queue
    and (r.priority > j.priority or (r.priority = j.priority and r.job_id < j.id)) limit 10001) before) as ahead,
  (select g.question from jobtrail.gates g where g.workspace_id = j.workspace_id and g.job_id = j.id
    and g.status = 'WAITING' limit 1) as question,
  (select a.error_message from jobtrail.attempts a where a.workspace_id = j.workspace_id and a.job_id = j.id
    and a.id = j.attempt_id and a.status = 'INTERRUPTED') as said,
  coalesce((select w.name from jobtrail.attempts a join jobtrail.workers w on w.id = a.worker_id
    where a.workspace_id = j.workspace_id and a.job_id = j.id and a.ended_at is null),
    (select w.name from jobtrail.validations v join jobtrail.workers w on w.id = v.worker_id
    where v.workspace_id = j.workspace_id and v.job_id = j.id)) as worker,
  jobtrail.clock() as now
from jobtrail.jobs j
left join jobtrail.queues q on q.workspace_id = j.workspace_id and q.name = j.queue
where j.workspace_id = $1 and j.id = $2
