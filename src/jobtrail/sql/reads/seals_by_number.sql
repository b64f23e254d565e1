-- The seals of these workspaces with these numbers; the arrays run side by side.
select s.workspace_id, s.number, s.after_txid, s.up_to_txid, to_jsonb(s.first_at at time zone 'UTC') #>> '{}' as first_at,
  to_jsonb(s.last_at at time zone 'UTC') #>> '{}' as last_at, s.events, s.parts, s.root, s.previous,
  to_jsonb(s.sealed_at at time zone 'UTC') #>> '{}' as sealed_at, s.signature
from unnest($1::uuid[], $2::int8[]) as wanted (workspace_id, number) cross join lateral (
  select * from jobtrail.seals s where s.workspace_id = wanted.workspace_id and s.number = wanted.number offset 0
) s
