-- Makes a webhook, unless the workspace has $10 already.
insert into jobtrail.webhooks (workspace_id, id, url, events, types, queues, description, secret, created_by)
select $1, $2, $3, $4, $5, $6, $7, $8, $9
where (select count(*) from jobtrail.webhooks where workspace_id = $1) < $10
returning id
