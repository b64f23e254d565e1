-- Up to $3 seals of a workspace after a number.
select workspace_id, number, after_txid, up_to_txid, to_jsonb(first_at at time zone 'UTC') #>> '{}' as first_at,
  to_jsonb(last_at at time zone 'UTC') #>> '{}' as last_at, events, parts, root, previous,
  to_jsonb(sealed_at at time zone 'UTC') #>> '{}' as sealed_at, signature
from jobtrail.seals where workspace_id = $1 and number > $2::int8 order by number limit $3
