-- How many events lie after transaction $3, and of those: the workspaces that have some up to $4, and those that have
-- some of transactions that have not begun yet.
with unsealed as (
  select e.workspace_id, count(*) as events, count(*) filter (where e.txid <= $4::int8) as overlooked,
    count(*) filter (where e.txid >= greatest(pg_snapshot_xmax(pg_current_snapshot())::text::int8,
      pg_current_xact_id_if_assigned()::text::int8 + 1) + jobtrail.txid_base()) as ahead
  from jobtrail.events e
  where e.workspace_id between $1::uuid and $2::uuid and e.txid > $3::int8
  group by e.workspace_id
)
select workspace_id, events, overlooked, ahead from unsealed
