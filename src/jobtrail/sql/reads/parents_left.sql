-- The parents, of some that were stopped ($1, $2), of which children that go with them still live and are not told yet.
select p.workspace_id, p.id from unnest($1::uuid[], $2::uuid[]) as p (workspace_id, id)
cross join lateral (
  select from jobtrail.jobs k where k.workspace_id = p.workspace_id and k.parent_id = p.id and k.on_parent = 'CANCEL'
    and k.status in ('PENDING', 'VALIDATING', 'QUEUED', 'RUNNING') and k.cancel_requested_at is null limit 1) lives
