-- The seal of a workspace that covers a transaction.
select workspace_id, number, after_txid, up_to_txid, to_jsonb(first_at at time zone 'UTC') #>> '{}' as first_at,
  to_jsonb(last_at at time zone 'UTC') #>> '{}' as last_at, events, parts, root, previous,
  to_jsonb(sealed_at at time zone 'UTC') #>> '{}' as sealed_at, signature
from jobtrail.seals
where workspace_id = $1 and up_to_txid >= $2::int8 and after_txid < $2::int8
order by up_to_txid limit 1
