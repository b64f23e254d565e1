-- Up to $5 seals after ($3, $4) in the order of (last transaction, workspace).
select workspace_id, number, after_txid, up_to_txid, to_jsonb(first_at at time zone 'UTC') #>> '{}' as first_at,
  to_jsonb(last_at at time zone 'UTC') #>> '{}' as last_at, events, parts, root, previous,
  to_jsonb(sealed_at at time zone 'UTC') #>> '{}' as sealed_at, signature
from jobtrail.seals
where workspace_id between $1::uuid and $2::uuid and (up_to_txid, workspace_id) > ($3::int8, $4::uuid)
order by up_to_txid, workspace_id limit $5
