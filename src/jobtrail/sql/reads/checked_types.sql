-- The types that live workers run, by queue, and whether one that serves all workspaces checks their input first.
select k.type, k.queue, coalesce(bool_or(k.serves_all and (k.said ->> 'has_check')::bool), false) as checked
from (
  select t.type, q.queue, w.workspace_id is null as serves_all, w.described -> t.type as said
  from jobtrail.workers w cross join lateral unnest(w.types) as t (type) cross join lateral unnest(w.queues) as q (queue)
  where w.stopped_at is null and w.lease_until > jobtrail.clock()
) k group by k.type, k.queue
