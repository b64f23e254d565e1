-- Changes a webhook, if it is still at version $3 (null: whatever it is at); null leaves a value as it is.
update jobtrail.webhooks set url = coalesce($4, url), events = coalesce($5, events), types = coalesce($6, types),
  queues = coalesce($7, queues), description = coalesce($8, description),
  disabled_at = case when $9::boolean then coalesce(disabled_at, jobtrail.clock()) when not $9 then null else disabled_at end,
  enabled_at = case when not $9 and disabled_at is not null then jobtrail.clock() else enabled_at end,
  disabled_reason = case when $9 then coalesce(disabled_reason, $10) when not $9 then null else disabled_reason end,
  updated_at = jobtrail.clock(), version = version + 1
where workspace_id = $1 and id = $2 and ($3::int4 is null or version = $3)
returning version
