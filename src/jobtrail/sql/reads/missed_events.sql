-- Up to $4 events since a time that a webhook wants and that were never told to it, in the order of the trail.
select e.txid, e.workspace_id, w.id as webhook_id, e.job_id, e.seq, e.type as event, e.at
from jobtrail.webhooks w
join jobtrail.events e on e.workspace_id = w.workspace_id and e.at >= $3
join jobtrail.jobs j on j.workspace_id = e.workspace_id and j.id = e.job_id
where w.workspace_id = $1 and w.id = $2 and jobtrail.wants(w, e.type, j.type, j.queue)
  and not exists (select from jobtrail.webhook_deliveries d where d.workspace_id = w.workspace_id
    and d.webhook_id = w.id and d.job_id = e.job_id and d.seq = e.seq)
order by e.txid, e.job_id, e.seq limit $4
