-- Notes deliveries that are to be made, the arrays side by side; answers those that were not there before.
insert into jobtrail.webhook_deliveries (workspace_id, id, webhook_id, job_id, seq, event, event_at, delivery_job_id)
select $1, * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int4[], $6::text[], $7::timestamptz[], $8::uuid[])
on conflict do nothing
returning id
