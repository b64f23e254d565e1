-- Forgets workers that stopped before a time and hold nothing.
delete from jobtrail.workers w where w.stopped_at < $1
  and not exists (select from jobtrail.attempts a where a.worker_id = w.id and a.ended_at is null)
