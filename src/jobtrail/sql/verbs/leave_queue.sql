-- Tells a worker to leave a queue alone ($3), or to take of it again; no row: it is not there, has stopped, does not serve the
-- queue, or is nobody's that the scope may command. `changed` is false where it was told the same before.
with was as materialized (
  select id, $2 = any (left_queues) as leaves from jobtrail.workers
  where id = $1 and stopped_at is null and $2 = any (queues) for update
), told as (
  update jobtrail.workers w
  set left_queues = array_remove(w.left_queues, $2::text) || case when $3::bool then array[$2::text] else '{}' end
  from was where w.id = was.id
  returning w.id, w.name, w.workspace_id
)
select t.name, t.workspace_id, was.leaves <> $3::bool as changed from told t join was on was.id = t.id
