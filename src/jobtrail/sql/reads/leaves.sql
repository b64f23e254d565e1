-- The events of transactions in ($3, $4] as records of the seal's tree, end to end for each workspace and day.
select e.workspace_id, substr(c.relname, 8) as part, string_agg(int8send(e.txid) || uuid_send(e.job_id)
  || int4send(e.seq) || case when octet_length(e.hash) = 32 then e.hash else sha256(e.hash) end, '') as records
from jobtrail.events e join pg_class c on c.oid = e.tableoid
where e.workspace_id between $1::uuid and $2::uuid and e.txid > $3::int8 and e.txid <= $4::int8
group by e.workspace_id, c.relname
