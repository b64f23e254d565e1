-- Notes up to which event all is dispatched. What was seen to begin later than an earlier moment tells which days
-- cannot hold anything that is not dispatched yet.
update jobtrail.webhook_dispatcher set txid = $1::int8, job_id = $2, seq = $3,
  safe_at = case when $1::int8 > seen_txid then seen_at else safe_at end,
  seen_at = case when $1::int8 > seen_txid then jobtrail.clock() else seen_at end,
  seen_txid = case when $1::int8 > seen_txid
    then pg_snapshot_xmax(pg_current_snapshot())::text::int8 + jobtrail.txid_base() else seen_txid end
