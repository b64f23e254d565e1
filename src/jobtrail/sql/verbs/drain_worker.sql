-- Tells a worker to take no more ($4: and to stop when what it runs has ended); no row: it is not there, has stopped, or is
-- nobody's that the scope may command. `changed` is false where it was told the same before.
with was as materialized (
  select id, drain_asked_at, drain_stops from jobtrail.workers where id = $1 and stopped_at is null for update
), told as (
  update jobtrail.workers w set drain_asked_at = coalesce(w.drain_asked_at, jobtrail.clock()),
    draining_at = coalesce(w.draining_at, jobtrail.clock()), drain_asked_by = $2, drain_reason = $3, drain_stops = $4
  from was where w.id = was.id
  returning w.id, w.name, w.workspace_id
)
select t.name, t.workspace_id, was.drain_asked_at is null or was.drain_stops <> $4::bool as changed
from told t join was on was.id = t.id
