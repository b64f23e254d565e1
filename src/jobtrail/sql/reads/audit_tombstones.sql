-- Up to $5 jobs that retention removed, after ($3, $4) in the order of (workspace, id): their tombstones and events, as
-- lines of the same shape as in `audit_jobs`.
with chunk as materialized (
  select t.workspace_id, t.job_id, t.last_seq, t.trail_hash, t.first_at, t.last_at,
    jsonb_build_object('removed_at', least(t.removed_at, jobtrail.clock()), 'alive', exists (
      select from jobtrail.jobs j where j.workspace_id = t.workspace_id and j.id = t.job_id))::text as said
  from jobtrail.tombstones t
  where t.workspace_id between $1::uuid and $2::uuid and (t.workspace_id, t.job_id) > ($3::uuid, $4::uuid)
  order by t.workspace_id, t.job_id limit $5
)
select c.workspace_id::text, c.job_id::text, c.last_seq as seq,
  timestamptz_send(c.first_at) || timestamptz_send(c.last_at) as at, '' as type, '' as status,
  null::text as attempt_id, null::text as step_id, '' as actor_type, null::text as actor_id, c.said as payload,
  c.trail_hash as hash, 0::int8 as txid, 'tombstone' as line
from chunk c
union all
select c.workspace_id::text, c.job_id::text, e.seq, timestamptz_send(e.at), e.type, e.status::text,
  e.attempt_id::text, e.step_id::text, e.actor_type::text, e.actor_id, e.payload, e.hash, e.txid, 'event'
from chunk c cross join lateral (
  select * from jobtrail.events e
  where e.workspace_id = c.workspace_id and e.job_id = c.job_id and e.at between c.first_at and c.last_at offset 0
) e
