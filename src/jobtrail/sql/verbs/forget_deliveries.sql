-- Forgets up to $2 deliveries older than a time; answers how many.
with old as (
  select workspace_id, id from jobtrail.webhook_deliveries where created_at < $1 order by created_at limit $2
), gone as (
  delete from jobtrail.webhook_deliveries d using old where d.workspace_id = old.workspace_id and d.id = old.id
  returning 1
)
select count(*) from gone
