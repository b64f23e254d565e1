-- The events of transactions in ($1, $2] as records of the seal's tree, end to end for each workspace and day, with the
-- times of the first and the last. Looks only at days in which such a transaction can have written.
with bound as (
  select least(safe_at, jobtrail.clock()) - interval '1 day' as at from jobtrail.sealer
)
select e.workspace_id, substr(c.relname, 8) as part, to_jsonb(min(e.at) at time zone 'UTC') #>> '{}' as first_at,
  to_jsonb(max(e.at) at time zone 'UTC') #>> '{}' as last_at, string_agg(int8send(e.txid) || uuid_send(e.job_id)
    || int4send(e.seq) || case when octet_length(e.hash) = 32 then e.hash else sha256(e.hash) end, '') as records
from jobtrail.events e join pg_class c on c.oid = e.tableoid
where e.at >= (select at from bound) and e.txid > $1::int8 and e.txid <= $2::int8
group by e.workspace_id, c.relname
