-- Up to $4 deliveries of a webhook that failed, of events since a time, in the order of the events.
select id, job_id, seq, event
from jobtrail.webhook_deliveries
where workspace_id = $1 and webhook_id = $2 and status = 'FAILED' and event_at >= $3
order by event_at, job_id, seq limit $4
