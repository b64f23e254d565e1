-- Where the sealer stands, the last transaction that has ended together with all before it, the time, and whether this
-- connection sees all workspaces.
select up_to_txid, jobtrail.horizon() - 1 as settled_txid, to_jsonb(jobtrail.clock() at time zone 'UTC') #>> '{}' as now,
  jobtrail.serves_all() as serves_all
from (select) this left join jobtrail.sealer on true
