-- Where the dispatcher stands, the last transaction that has ended together with all before it, whether there is any
-- webhook, and whether this connection sees all workspaces.
select txid, job_id, seq, jobtrail.horizon() - 1 as settled_txid,
  exists (select from jobtrail.webhooks) as wanted, jobtrail.serves_all() as serves_all
from jobtrail.webhook_dispatcher
