-- Up to which transaction of ($1, $2] there are no more than $3 events, but at least one transaction that has any.
with bound as (
  select least(safe_at, jobtrail.clock()) - interval '1 day' as at from jobtrail.sealer
), counted as (
  select txid, sum(count(*)) over (order by txid) as events, row_number() over (order by txid) as number
  from jobtrail.events where at >= (select at from bound) and txid > $1::int8 and txid <= $2::int8
  group by txid
)
select max(txid) filter (where events <= $3::int8 or number = 1) as cut, count(*) filter (where events > $3::int8 and number > 1) as more
from counted
