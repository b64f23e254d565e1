-- Up to $5 events after ($1, $2, $3), of transactions up to $4, with the webhooks that want them, in the order of the
-- trail. Looks only at days in which such a transaction can have written.
with bound as (
  select least(safe_at, jobtrail.clock()) - interval '1 day' as at from jobtrail.webhook_dispatcher
)
select e.txid, e.workspace_id, w.id as webhook_id, e.job_id, e.seq, e.type as event, e.at
from jobtrail.events e
join jobtrail.jobs j on j.workspace_id = e.workspace_id and j.id = e.job_id
join jobtrail.webhooks w on w.workspace_id = e.workspace_id and w.disabled_at is null and w.enabled_at <= e.at
  and jobtrail.wants(w, e.type, j.type, j.queue)
where e.at >= (select at from bound) and e.txid >= $1::int8 and e.txid <= $4::int8
  and (e.txid, e.job_id, e.seq) > ($1::int8, $2::uuid, $3::int4)
order by e.txid, e.job_id, e.seq, w.id limit $5
