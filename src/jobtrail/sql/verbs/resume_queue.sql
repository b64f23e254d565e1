-- Lets the workers take from a queue again, and records it; no row: it was not paused.
with resumed as (
  update jobtrail.queues set paused_at = null, paused_by = null, paused_reason = null
  where workspace_id = $1 and name = $2 and paused_at is not null
  returning workspace_id, name
), told as (
  insert into jobtrail.administration_events (workspace_id, type, actor_type, actor_id, subject_type, subject_id, payload)
  select workspace_id, 'queue.resumed', $3::text::jobtrail.actor_type, $4, 'queue', name, '{}'::jsonb from resumed
)
select name from resumed
