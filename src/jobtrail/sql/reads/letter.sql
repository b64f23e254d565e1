-- What a delivery's job is to send, and with which secrets; no row: it is another job's by now, or was removed.
select d.id as delivery_id, w.id as webhook_id, w.url, case when w.secret_before_until > jobtrail.clock()
    then array[w.secret, w.secret_before] else array[w.secret] end as secrets, w.disabled_at,
  d.status::text as delivery_status, d.job_id, d.seq, e.type as event, e.at, e.status::text as status, j.type, j.queue,
  j.title, e.attempt_id, e.step_id, e.actor_type::text as actor_type, e.actor_id, e.payload
from jobtrail.webhook_deliveries d
join jobtrail.webhooks w on w.workspace_id = d.workspace_id and w.id = d.webhook_id
left join jobtrail.jobs j on j.workspace_id = d.workspace_id and j.id = d.job_id
left join jobtrail.events e on e.workspace_id = d.workspace_id and e.job_id = d.job_id and e.seq = d.seq
  and e.at = d.event_at
where d.workspace_id = $1 and d.id = $2 and d.delivery_job_id = $3
