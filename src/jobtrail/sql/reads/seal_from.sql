-- Where the sealer stands, and the last transaction that has ended together with all before it.
select up_to_txid, jobtrail.horizon() - 1 as settled_txid, to_jsonb(jobtrail.clock() at time zone 'UTC') #>> '{}' as now
from jobtrail.sealer
