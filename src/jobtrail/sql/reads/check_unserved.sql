-- Jobs that are ready, or wait to be validated, and that no live worker takes, by queue and type, counted up to $1 in all; `served`: a worker has the queue.
select r.queue, r.type, r.jobs, exists (select from jobtrail.workers w where w.stopped_at is null
    and w.lease_until > jobtrail.clock() and r.queue = any (w.queues)) as served
from (
  select queue, type, count(*) as jobs from (select queue, type from jobtrail.ready
    union all select queue, type from jobtrail.validations v where not exists (select from jobtrail.workers w
      where w.id = v.worker_id and w.stopped_at is null and w.lease_until > jobtrail.clock()) limit $1) capped
  group by queue, type
) r
where not exists (select from jobtrail.workers w where w.stopped_at is null and w.lease_until > jobtrail.clock()
  and r.queue = any (w.queues) and r.type = any (w.types))
order by r.queue, r.type
