-- Forgets workers that stopped, or whose lease ran out, before a time and that hold nothing.
delete from jobtrail.workers w where (w.stopped_at < $1 or w.lease_until < $1)
  and not exists (select from jobtrail.attempts a where a.worker_id = w.id and a.ended_at is null)
