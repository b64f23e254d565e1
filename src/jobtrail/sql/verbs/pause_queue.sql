-- Keeps the workers from taking more of a workspace's queue; what runs goes on. It is recorded, once for each pause.
with was as materialized (
  select paused_at from jobtrail.queues where workspace_id = $1 and name = $2 for update
), paused as (
  insert into jobtrail.queues as q (workspace_id, name, paused_at, paused_by, paused_reason)
  values ($1, $2, jobtrail.clock(), $4, $5)
  on conflict (workspace_id, name) do update set paused_at = coalesce(q.paused_at, excluded.paused_at),
    paused_by = excluded.paused_by, paused_reason = excluded.paused_reason
  returning workspace_id, name
)
insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
select workspace_id, 'queue.paused', $3::text::jobtrail.actor_type, $4, 'queue', name,
  jsonb_strip_nulls(jsonb_build_object('reason', $5::text))
from paused where not exists (select from was where paused_at is not null)
