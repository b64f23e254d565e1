-- Keeps the workers from taking more of a workspace's queue; what runs goes on.
insert into jobtrail.queues as q (workspace_id, name, paused_at, paused_by, paused_reason)
values ($1, $2, jobtrail.clock(), $3, $4)
on conflict (workspace_id, name) do update set paused_at = coalesce(q.paused_at, excluded.paused_at),
  paused_by = excluded.paused_by, paused_reason = excluded.paused_reason
